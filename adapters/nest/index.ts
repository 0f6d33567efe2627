/** `powersync-writes/nest`: modules for NestJS, on Express or Fastify. */
export {
  type AdminMountOptions,
  type AsyncAdminOptions,
  type NestAdminOptions,
  PowerSyncWriteAdminModule,
} from "./admin.js";
export { type WriteHooks, WriteHook, type WriteHookOptions } from "./hooks.js";
export {
  type AsyncOptions,
  type MountOptions,
  type NestConfig,
  PowerSyncWriteModule,
  type WritesConfigFactory,
} from "./module.js";
export type { HttpRequest } from "./platform.js";
export { WriteService } from "./service.js";

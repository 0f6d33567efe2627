/** For NestJS, on Express or Fastify: `imports: [PowerSyncWriteModule.forRoot(config)]`. */
export {
  type AdminMountOptions,
  type AsyncAdminOptions,
  type NestAdminOptions,
  PowerSyncWriteAdminModule,
} from "./admin.js";
export { type WriteHooks, WriteHook, type WriteHookOptions } from "./hooks.js";
export { PowerSyncWriteModule } from "./module.js";
export type {
  AsyncOptions,
  HttpRequest,
  MountOptions,
  NestConfig,
  WritesConfigFactory,
} from "./options.js";
export { WriteService } from "./service.js";

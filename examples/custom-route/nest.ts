/** Processes a transaction in your own Nest controller. */
import {
  Body,
  Controller,
  type DynamicModule,
  Headers,
  HttpCode,
  Inject,
  Post,
  UnauthorizedException,
} from "@nestjs/common";
import { PowerSyncWriteModule, WriteService } from "../../adapters/nest/index.js";
import { type Principal, toWire, type Writes } from "../../src/index.js";
import { userOf } from "./sessions.js";

@Controller("upload")
class UploadsController {
  readonly #writes: WriteService;

  constructor(@Inject(WriteService) writes: WriteService) {
    this.#writes = writes;
  }

  @Post()
  @HttpCode(200)
  async upload(
    @Body() body: unknown,
    @Headers("cookie") cookie: string | undefined,
  ): Promise<unknown> {
    const userId = userOf(cookie);
    if (userId === undefined) throw new UnauthorizedException({ message: "Sign in." });
    return toWire(await this.#writes.processTransaction(body, { principal: { userId } }));
  }
}

class UploadsModule {}

/** Raise the limit of Nest's own parser, which is 100 kB: `app.useBodyParser("json", { limit: "16mb" })`. */
export function uploads(writes: Writes<Principal>): DynamicModule {
  return {
    module: UploadsModule,
    imports: [PowerSyncWriteModule.forRoot(writes)],
    controllers: [UploadsController],
  };
}

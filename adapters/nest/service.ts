/** `WriteService`: the application's `Writes` as a Nest provider. */
import type { BeforeApplicationShutdown, OnModuleInit } from "@nestjs/common";
import type { ClientSchema } from "../../src/check/client-schema.js";
import type { Mismatch } from "../../src/check/mismatch.js";
import type { Principal } from "../../src/context.js";
import type { DeadLetters } from "../../src/dead-letters/types.js";
import type { TransactionResult } from "../../src/model.js";
import type {
  CallOptions,
  CheckOptions,
  CheckpointOptions,
  DatabaseOf,
  Health,
  Readiness,
  Writes,
} from "../../src/config/writes.js";

/**
 * The write path, for the application's own controllers and services. Inject it with `@Inject(WriteService) writes: WriteService<Caller>`.
 *
 * Constructors must not call it, because hooks that are providers may not have been created yet.
 *
 * @example
 * class UploadController {
 *   constructor(@Inject(WriteService) readonly writes: WriteService<Caller>) {}
 *
 *   upload(body: unknown, principal: Caller) {
 *     return this.writes.processTransaction(body, { principal });
 *   }
 * }
 */
export class WriteService<P extends Principal = Principal>
  implements OnModuleInit, BeforeApplicationShutdown
{
  readonly #make: () => Writes<P>;
  readonly #drainMs: number;
  #made: Writes<P> | undefined;

  /**
   * Called by `PowerSyncWriteModule` only.
   *
   * @param make called once, after all providers have been created
   */
  constructor(make: () => Writes<P>, drainMs: number) {
    this.#make = make;
    this.#drainMs = drainMs;
  }

  get writes(): Writes<P> {
    return (this.#made ??= this.#make());
  }

  /** See `Writes.processTransaction`: never authenticates, never rejects. */
  processTransaction(body: unknown, options: CallOptions<P>): Promise<TransactionResult> {
    return this.writes.processTransaction(body, options);
  }

  /** See `Writes.processBatch`: never authenticates, never rejects. */
  processBatch(body: unknown, options: CallOptions<P>): Promise<readonly TransactionResult[]> {
    return this.writes.processBatch(body, options);
  }

  /** See `Writes.checkpoint`: returns the device's next write checkpoint. */
  checkpoint(options: CheckpointOptions<P>): Promise<string> {
    return this.writes.checkpoint(options);
  }

  /** See `Writes.checkpointRequest`: returns the greater of the device's stored checkpoint and this one. */
  checkpointRequest(
    options: CheckpointOptions<P> & { readonly checkpointRequestId: string | number | bigint },
  ): Promise<string> {
    return this.writes.checkpointRequest(options);
  }

  /** See `Writes.ready`: queries the database, for at most 5 seconds. Never rejects. */
  ready(principal?: P): Promise<Readiness> {
    return this.writes.ready(principal);
  }

  /** See `Writes.health`: does not query the database. */
  health(): Health {
    return this.writes.health();
  }

  /** See `Writes.check`: finds where the rules don't match the database or the client's schema. */
  check(clientSchema?: ClientSchema, options?: CheckOptions<P>): Promise<readonly Mismatch[]> {
    return this.writes.check(clientSchema, options);
  }

  /** See `Writes.deadLetters`: for operators of the application, not for its users. */
  get deadLetters(): DeadLetters<P> {
    return this.writes.deadLetters;
  }

  /** See `Writes.prune`: deletes expired rows of the library's own tables. */
  prune(options?: DatabaseOf<P>): Promise<number> {
    return this.writes.prune(options);
  }

  /** See `Writes.forget`: erases the user's ledger rows and dead letters, including open ones. */
  forget(userId: string, options?: DatabaseOf<P>): Promise<number> {
    return this.writes.forget(userId, options);
  }

  /** See `Writes.drain`: answers new requests with 503 and waits for those in progress, for at most `ms` milliseconds. Resolves to true if all have finished. */
  drain(ms: number): Promise<boolean> {
    return this.writes.drain(ms);
  }

  /** Creates the writes, so that an invalid configuration fails at the start and not with the first upload. */
  onModuleInit(): void {
    void this.writes;
  }

  /** Nest calls this before it closes the server. Close the database later, in `onApplicationShutdown`: uploads in progress still need it. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.#made?.drain(this.#drainMs);
  }
}

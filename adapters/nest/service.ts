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
 * Constructors must not call it, since hooks that are providers may not have been created then.
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

  /** As `Writes.processTransaction`: never authenticates, never rejects. */
  processTransaction(body: unknown, options: CallOptions<P>): Promise<TransactionResult> {
    return this.writes.processTransaction(body, options);
  }

  /** As `Writes.processBatch`: never authenticates, never rejects. */
  processBatch(body: unknown, options: CallOptions<P>): Promise<readonly TransactionResult[]> {
    return this.writes.processBatch(body, options);
  }

  /** As `Writes.checkpoint`: gives the device's next write checkpoint. */
  checkpoint(options: CheckpointOptions<P>): Promise<string> {
    return this.writes.checkpoint(options);
  }

  /** As `Writes.checkpointRequest`: gives the greater of the device's stored checkpoint and this one. */
  checkpointRequest(
    options: CheckpointOptions<P> & { readonly checkpointRequestId: string | number | bigint },
  ): Promise<string> {
    return this.writes.checkpointRequest(options);
  }

  /** As `Writes.ready`: queries the database, for at most 5 seconds. Never rejects. */
  ready(principal?: P): Promise<Readiness> {
    return this.writes.ready(principal);
  }

  /** As `Writes.health`: does not query the database. */
  health(): Health {
    return this.writes.health();
  }

  /** See `Writes.check`: finds where the rules don't match the database or the client's schema. */
  check(clientSchema?: ClientSchema, options?: CheckOptions<P>): Promise<readonly Mismatch[]> {
    return this.writes.check(clientSchema, options);
  }

  /** As `Writes.deadLetters`: for those who operate the application, not for its users. */
  get deadLetters(): DeadLetters<P> {
    return this.writes.deadLetters;
  }

  /** As `Writes.prune`: removes ledger rows that no device can send again. */
  prune(options?: DatabaseOf<P>): Promise<number> {
    return this.writes.prune(options);
  }

  /** As `Writes.forget`: erases the user's ledger rows and dead letters, open ones too. */
  forget(userId: string, options?: DatabaseOf<P>): Promise<number> {
    return this.writes.forget(userId, options);
  }

  /** As `Writes.drain`: answers new requests with 503 and waits for those in progress, for `ms` milliseconds at most. True if all have finished. */
  drain(ms: number): Promise<boolean> {
    return this.writes.drain(ms);
  }

  /** Creates the writes, so that a configuration that contradicts itself fails at the start and not with the first upload. */
  onModuleInit(): void {
    void this.writes;
  }

  /** Nest calls this before it closes the server. Close the database later, in `onApplicationShutdown`: uploads in progress still need it. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.#made?.drain(this.#drainMs);
  }
}

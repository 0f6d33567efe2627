/** The write path as a provider, for controllers of one's own. */
import type { BeforeApplicationShutdown, OnModuleInit } from "@nestjs/common";
import type { ClientSchema, Mismatch } from "../../src/check/types.js";
import type { Principal } from "../../src/pipeline/layers.js";
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
} from "../../src/writes.js";

/**
 * `constructor(@Inject(WriteService) writes: WriteService<Caller>)`. Not to be called from constructors:
 * hooks that are providers may not have been made then.
 */
export class WriteService<P extends Principal = Principal>
  implements OnModuleInit, BeforeApplicationShutdown
{
  readonly #make: () => Writes<P>;
  readonly #drainMs: number;
  #made: Writes<P> | undefined;

  /** The module's own doing. @param make called once, when all providers have been made */
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

  /** As `Writes.checkpoint`: the device's next write checkpoint. */
  checkpoint(options: CheckpointOptions<P>): Promise<string> {
    return this.writes.checkpoint(options);
  }

  /** As `Writes.checkpointRequest`: the greater of the device's stored checkpoint and this one. */
  checkpointRequest(
    options: CheckpointOptions<P> & { readonly checkpointRequestId: string | number | bigint },
  ): Promise<string> {
    return this.writes.checkpointRequest(options);
  }

  /** As `Writes.ready`: asks the database, for at most 5 seconds; never rejects. */
  ready(principal?: P): Promise<Readiness> {
    return this.writes.ready(principal);
  }

  /** As `Writes.health`: without asking the database. */
  health(): Health {
    return this.writes.health();
  }

  /** As `Writes.check`: where the rules don't fit the database, or the client's schema. */
  check(clientSchema?: ClientSchema, options?: CheckOptions<P>): Promise<readonly Mismatch[]> {
    return this.writes.check(clientSchema, options);
  }

  /** As `Writes.deadLetters`: for whoever operates the application. */
  get deadLetters(): DeadLetters<P> {
    return this.writes.deadLetters;
  }

  /** As `Writes.prune`: removes from the ledger what no device can send again. */
  prune(options?: DatabaseOf<P>): Promise<number> {
    return this.writes.prune(options);
  }

  /** Answers new requests 503 and waits for those in flight. True if all had finished. */
  drain(ms: number): Promise<boolean> {
    return this.writes.drain(ms);
  }

  /** What contradicts itself in the configuration must end the start, and not the first upload. */
  onModuleInit(): void {
    void this.writes;
  }

  /** Before Nest closes the server. The database must outlive this: end it in `onApplicationShutdown`. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.#made?.drain(this.#drainMs);
  }
}

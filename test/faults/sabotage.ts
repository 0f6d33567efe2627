/** Ways to break the promise on purpose, by configuration and by wrapping the store: a suite that does not notice them proves nothing. */
import type { Dialect, Kysely } from "kysely";
import { createWrites } from "../../src/index.js";
import { createSqlStores } from "../../src/sql/store.js";
import type { Store, Unit } from "../../src/store/store.js";
import type { Claim } from "../../src/store/ledger.js";
import type { TestPrincipal } from "../support/writes.js";
import type { Config, FaultSchema } from "./fault-server.js";

/**
 * `ledger`: nothing is remembered. `letter`: the dead letter is written after its answer has been given. `rollback`: what has failed is committed
 * as far as it came. `dependants`: what needs a row that a letter would create is answered success. `guard`: a repetition is known by its
 * content, whatever has been written to its rows since.
 */
export const sabotages = ["ledger", "letter", "rollback", "dependants", "guard"] as const;
export type Sabotage = (typeof sabotages)[number];

export async function sabotaged(
  config: Config,
  db: Kysely<FaultSchema>,
  sabotage: Sabotage | undefined,
): Promise<Config> {
  switch (sabotage) {
    case undefined:
    case "rollback":
      return config;
    case "ledger":
      return { ...config, ledger: false };
    case "letter":
      return { ...config, deadLetter: lateLetter(config) };
    case "dependants":
      return { ...config, database: await wrapped(config, db, seeingNoLetters) };
    case "guard":
      return { ...config, database: await wrapped(config, db, namingNoRows) };
  }
}

/** Where ROLLBACK should be sent, COMMIT is. */
export function withoutRollback(dialect: Dialect): Dialect {
  return {
    createAdapter: () => dialect.createAdapter(),
    createQueryCompiler: () => dialect.createQueryCompiler(),
    createIntrospector: (db) => dialect.createIntrospector(db),
    createDriver: () => {
      const driver = dialect.createDriver();
      return Object.assign(driver, { rollbackTransaction: driver.commitTransaction });
    },
  };
}

/** Long enough for a device to hear the answer before, on a machine that is busy. */
const lateMs = 5_000;

function lateLetter(config: Config): NonNullable<Config["deadLetter"]> {
  const late = createWrites<TestPrincipal, FaultSchema>({ ...config, ledger: false });
  return (letter) => {
    const { payload, userId, clientId } = letter;
    const caller = { principal: { userId }, ...(clientId !== undefined && { clientId }) };
    setTimeout(() => void late.processTransaction(payload, caller), lateMs);
    return letter;
  };
}

type UnitOf = Store["unit"];

async function wrapped(
  { timeouts }: Config,
  db: Kysely<FaultSchema>,
  wrap: (unit: UnitOf) => UnitOf,
): Promise<Config["database"]> {
  const open = createSqlStores({
    isolation: undefined,
    timeouts: { lockMs: 1_000, statementMs: 3_000, transactionMs: 4_000, ...timeouts },
    ownTables: undefined,
    severalRoles: false,
  });
  const store = await open(db, db);
  return { ...store, unit: wrap(store.unit) } as unknown as Config["database"];
}

function seeingNoLetters(unit: UnitOf): UnitOf {
  return (options, work) =>
    unit(options, (open) => work(Object.create(open, { hasLetters: { value: false } }) as Unit));
}

function namingNoRows(unit: UnitOf): UnitOf {
  return (options, work) =>
    unit(options.claim === undefined ? options : { ...options, claim: blind(options.claim) }, work);
}

function blind(claim: Claim): Claim {
  const { content } = claim;
  const read = async () => ({ ...(await content.read()), rows: [] });
  return { ...claim, content: { ...content, read } };
}

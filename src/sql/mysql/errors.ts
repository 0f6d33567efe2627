/** What an error of MySQL, MariaDB or mysql2 means for a write: the server's by its number, the driver's own by its code or message. */
import type { Blamed, Meaning } from "../../store/failures.js";
import type { SqlTable } from "../table.js";

/** Server errors by meaning. Sources: the server error references of MySQL 8.4 and MariaDB 10.11. A number that is not listed is `other`. */
const numbers: Readonly<Record<Exclude<Meaning, "other">, readonly number[]>> = {
  NOT_NULL_VIOLATION: [1048, 1263, 1364, 1423, 3673],
  UNIQUE_VIOLATION: [1022, 1062, 1169, 1557, 1586, 1761, 1762, 1859],
  FOREIGN_KEY_VIOLATION: [1216, 1217, 1451, 1452, 1834],
  CHECK_VIOLATION: [1369, 3819, 4025],
  CONSTRAINT_VIOLATION: [1526, 1591, 1748, 3008],
  INVALID_DATA: [
    1118, 1138, 1264, 1265, 1292, 1299, 1300, 1365, 1366, 1367, 1406, 1411, 1416, 1441, 1525, 1575,
    1690, 1713, 1742, 1916, 1917, 1918, 1919, 1920, 1921, 1922, 1958, 1977, 3037, 3045, 3046, 3047,
    3048, 3049, 3050, 3051, 3055, 3140, 3141, 3144, 3146, 3147, 3150, 3151, 3155, 3156, 3157, 3158,
    3513, 3516, 3548, 3616, 3617, 3618, 3643, 3669, 3731, 3732, 3751, 3752, 3903, 3904, 3907, 3908,
    3998, 4035, 4036, 4037, 4038, 4039, 4040, 6136, 6137, 6138,
  ],
  // 167: the engine's own number for it.
  exhausted: [167, 1467],
  contention: [1020, 1213, 1614, 3058, 3101, 3132],
  busy: [1027, 1205, 1223, 1613, 1689, 3133, 3572, 4145],
  schema: [1051, 1054, 1072, 1109, 1136, 1146, 1288, 1412, 1471, 1615, 1932, 3568],
  // 1348: a view's column that is an expression.
  generated: [1348, 1906, 3105],
  permission: [1044, 1142, 1143, 1227, 1370, 1449, 3554, 3620, 6038],
  outage: [
    1004, 1014, 1015, 1016, 1017, 1021, 1024, 1026, 1030, 1031, 1032, 1033, 1034, 1035, 1036, 1037,
    1038, 1040, 1041, 1042, 1043, 1045, 1046, 1047, 1049, 1053, 1077, 1078, 1079, 1080, 1081, 1114,
    1119, 1129, 1130, 1135, 1152, 1154, 1155, 1156, 1157, 1158, 1159, 1160, 1161, 1184, 1194, 1195,
    1197, 1203, 1206, 1226, 1251, 1275, 1290, 1296, 1297, 1436, 1524, 1548, 1637, 1698, 1712, 1728,
    1759, 1792, 1810, 1811, 1812, 1814, 1817, 1820, 1835, 1836, 1862, 1873, 1874, 1877, 1878, 1927,
    2002, 2003, 2006, 2013, 3015, 3019, 3032, 3044, 3100, 3118, 3159, 3168, 3169, 3170, 3183, 3185,
    3797, 3879, 3955, 3989, 4031, 4081, 4082, 4150, 4151, 4182, 6126, 6127, 6400,
  ],
};

/** MySQL and MariaDB both assign numbers above 3000. These have the listed meaning only with this SQLSTATE. */
const sharedNumbers: ReadonlyMap<number, string> = new Map([[4025, "23000"]]);

/** What a trigger or a procedure signals, by the class of its SQLSTATE. 45 is how it refuses a row, and so is every class that is not here. */
export const signals: Readonly<Record<string, Meaning>> = {
  "08": "outage",
  "22": "INVALID_DATA",
  "23": "CONSTRAINT_VIOLATION",
  "40": "contention",
  "45": "CONSTRAINT_VIOLATION",
};

/** mysql2's own errors, which do not come from the server. All are an outage. */
export const clientCodes: ReadonlySet<string> = new Set([
  "AUTH_SWITCH_PLUGIN_ERROR",
  "HANDSHAKE_NO_SSL_SUPPORT",
  "HANDSHAKE_SSL_ERROR",
  "HANDSHAKE_UNKNOWN_ERROR",
  "MYSQL_CLEAR_PASSWORD_NOT_ENABLED",
  "POOL_NOEXIST",
  "POOL_NONEONLINE",
  "PROTOCOL_CONNECTION_LOST",
  "PROTOCOL_ERROR",
  "PROTOCOL_SEQUENCE_TIMEOUT",
  "PROTOCOL_UNEXPECTED_PACKET",
]);

/** The messages of mysql2's errors without a code. */
export const clientMessages: readonly RegExp[] = [
  /^Pool is closed\.$/,
  /^No connections available\.$/,
  /^Queue limit reached\.$/,
  /^Can't add new command when connection is in closed state$/,
  /^Can't write in closed state$/,
  /^Connection lost: /,
];

const meanings: ReadonlyMap<unknown, Meaning> = new Map(
  Object.entries(numbers).flatMap(([meaning, listed]) =>
    listed.map((number) => [number, meaning as Meaning] as const),
  ),
);

/** ER_SIGNAL_EXCEPTION. A signal may set another number, but SQLSTATE 45 also shows that it is one. */
const signalNumber = 1644;
const firstServerNumber = 1000;

/** `undefined`: the error comes neither from the server nor from the driver. */
export function meaning(error: unknown): Meaning | undefined {
  if (!(error instanceof Error)) return undefined;
  const { errno, code, sqlState } = error as DriverError;
  const state = typeof sqlState === "string" ? sqlState : "";
  const category = state.slice(0, 2);
  if (errno === signalNumber || category === "45") {
    return Object.hasOwn(signals, category) ? signals[category] : "CONSTRAINT_VIOLATION";
  }
  if (typeof errno === "number" && (sharedNumbers.get(errno) ?? state) === state) {
    const listed = meanings.get(errno);
    if (listed !== undefined) return listed;
  }
  if (
    (typeof code === "string" && clientCodes.has(code)) ||
    clientMessages.some((message) => message.test(error.message))
  )
    return "outage";
  // The system's numbers are below zero.
  return typeof errno === "number" && errno >= firstServerNumber ? "other" : undefined;
}

export function codes(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return [];
  const { errno, sqlState } = error as DriverError;
  if (typeof errno !== "number" || errno <= 0) return [];
  return [
    // A signal's number does not say what it means, but its state does.
    ...(errno === signalNumber ? [] : [String(errno)]),
    ...(typeof sqlState === "string" ? [sqlState, sqlState.slice(0, 2)] : []),
    ...(errno === signalNumber ? [String(errno)] : []),
  ];
}

interface DriverError extends Error {
  readonly errno?: unknown;
  readonly code?: unknown;
  readonly sqlState?: unknown;
}

const duplicate: ReadonlySet<number> = new Set([1062, 1169, 1557, 1586, 1859]);
const referred: ReadonlySet<number> = new Set([1217, 1451, 1834]);
const refers: ReadonlySet<number> = new Set([1216, 1452]);
const checks: ReadonlySet<number> = new Set([3819, 4025]);

/** Finds out which table, columns or constraint an error is about. The message is in the server's language, and quotes names. Nothing waits for COMMIT. */
export function blamed(error: unknown, table: SqlTable | undefined): Blamed {
  if (table === undefined || !(error instanceof Error) || !("errno" in error))
    return { columns: [] };
  const { columns, traits } = table;
  const { message } = error;
  const errno = Number(error.errno);
  const known = (names: readonly string[]) => names.filter((each) => columns.has(each));
  if (referred.has(errno)) return { columns: [], ...constraintIn(message), referred: true };
  if (refers.has(errno)) {
    const [, behind = ""] = message.split("FOREIGN KEY (", 2);
    const [listed = ""] = behind.split(") REFERENCES ", 1);
    return { columns: known(quotedNames(listed)), ...constraintIn(message) };
  }
  if (duplicate.has(errno)) {
    // The value precedes the key's name, and may contain anything.
    const [, key = ""] = /'([^']*)'[^']*$/.exec(message) ?? [];
    const name = key.slice(key.lastIndexOf(".") + 1);
    return { columns: known(traits?.constraints?.get(name) ?? []), constraint: name };
  }
  if (checks.has(errno)) {
    const [name = ""] = [...message.matchAll(/[`']([^`']+)[`']/g)].map(([, each]) => each ?? "");
    // MariaDB names a column's own check after the column, with its table.
    const own = name.slice(name.indexOf(".") + 1);
    const told = traits?.constraints?.get(name) ?? (columns.has(own) ? [own] : []);
    return { columns: known(told), constraint: name };
  }
  // The value precedes the column, and may contain anything.
  let last: string | undefined;
  let at = -1;
  for (const name of columns.keys()) {
    const place = Math.max(message.lastIndexOf(`'${name}'`), message.lastIndexOf(`\`${name}\``));
    if (place > at) [last, at] = [name, place];
  }
  return { columns: last === undefined ? [] : [last] };
}

function constraintIn(message: string): { readonly constraint?: string } {
  const [, constraint] = /CONSTRAINT `((?:[^`]|``)+)`/.exec(message) ?? [];
  return constraint === undefined ? {} : { constraint: constraint.replaceAll("``", "`") };
}

function quotedNames(listed: string): readonly string[] {
  return [...listed.matchAll(/`((?:[^`]|``)+)`/g)].map(([, name = ""]) =>
    name.replaceAll("``", "`"),
  );
}

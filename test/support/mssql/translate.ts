/**
 * What the store sends to SQL Server, made a statement of SQLite's, so that the ways through the store run where no SQL Server can be had. It knows the
 * forms that the library sends and no others, and throws for what it does not know. It is no SQL Server: that the server takes these statements, and means
 * by them what is meant here, it does not show.
 */

/** What `sending` puts before each statement of a transaction. */
export const settledForm = /^set xact_abort on; set lock_timeout \d+; set nocount off; /;
export const aloneForm = /^set xact_abort off; /;

export function translated(given: string): string {
  let text = given.replace(settledForm, "").replace(aloneForm, "");
  text = withoutIdentity(text);
  text = text.replace(/ with \((?:updlock|repeatableread)[^)]*\)/g, "");
  if (text.startsWith("merge into "))
    text = text.endsWith(" option (loop join);") ? rowsOf(text) : insertOf(text);
  text = limited(text);
  return text
    .replace(/@(\d+)/g, ":p$1")
    .replace(
      /\bconvert\((\w+(?:\((?:max|\d+(?:, \d+)?)\))?), /g,
      (_, type: string) => `convert('${type}', `,
    )
    .replace(/\b(dateadd|datediff_big)\((\w+), /g, "$1('$2', ")
    .replaceAll("@@version", "'Microsoft SQL Server, as SQLite\n\tNov 1 2026'")
    .replace(/ collate Latin1_General_BIN2\b/g, "")
    .replaceAll(" + 'Z'", " || 'Z'")
    .replace(/^save transaction (\w+)$/, "savepoint $1")
    .replace(/^rollback transaction (\w+)$/, "rollback to $1");
}

function withoutIdentity(text: string): string {
  const match = /^set identity_insert (\S+) on; (.*); set identity_insert (\S+) off$/s.exec(text);
  if (match === null) return text;
  if (match[1] !== match[3]) throw new Error("It is switched off for another table.");
  return match[2] ?? "";
}

const mergeForm =
  /^merge into ("[^"]+") with \(holdlock\) using \((.*)\) as "sent" \((.*?)\) on (.*?) (?:when matched then update set (.*) )?when not matched then insert \((.*?)\) values \((.*?)\);$/s;

/** A MERGE of the one form that the library has, as an upsert. */
function insertOf(text: string): string {
  const match = mergeForm.exec(text);
  if (match === null) throw new Error(`A MERGE of another form: ${text}`);
  const [, table = "", source = "", sent = "", on = "", changes, columns = "", values = ""] = match;
  if (sent !== columns) throw new Error("It inserts other columns than were sent.");
  if (values !== columns.replace(/"(\w+)"/g, '"sent"."$1"'))
    throw new Error("It inserts other values than were sent.");
  const key = on.split(" and ").map((each) => {
    const [, column] =
      new RegExp(`^${table}\\.("\\w+") = "sent"\\.\\1 collate Latin1_General_BIN2$`).exec(each) ??
      [];
    if (column === undefined) throw new Error(`It is found by another key: ${each}`);
    return column;
  });
  const action =
    changes === undefined
      ? "do nothing"
      : `do update set ${changes.replaceAll('"sent".', '"excluded".')}`;
  return `insert into ${table} (${columns}) select * from (${source}) where true on conflict (${key.join(", ")}) ${action}`;
}

const runForm =
  /^merge into ("[^"]+") using \((values .*)\) as "powersync_sent" \((.*?)\) on \1\.("\w+") = "powersync_sent"\.\4 when matched (?:and \((.*)\) )?then update set (.*) when not matched then insert \((.*?)\) values \((.*?)\) option \(loop join\);$/s;

/** A MERGE of several rows of the application's, as an upsert. Its hint has been taken out before. */
function rowsOf(text: string): string {
  const match = runForm.exec(text);
  if (match === null) throw new Error(`A MERGE of another form: ${text}`);
  const [, table = "", source = "", sent = "", key = "", scope, changes = "", columns, values] =
    match;
  if (sent !== columns) throw new Error("It inserts other columns than were sent.");
  if (values !== columns.replace(/"(\w+)"/g, '"powersync_sent"."$1"'))
    throw new Error("It inserts other values than were sent.");
  const set = changes.replaceAll('"powersync_sent".', '"excluded".');
  const where = scope === undefined ? "" : ` where ${scope}`;
  // A collation stands behind each key. SQLite has none of SQL Server's.
  const rows = source.replace(/ collate \w+/g, "");
  return `insert into ${table} (${columns}) select * from (${rows}) where true on conflict (${key}) do update set ${set}${where}`;
}

/** `select top(1) …` as `select … limit 1`, also inside another statement. */
function limited(text: string): string {
  const form = /\bselect top\((\d+)\) /;
  let rest = text;
  for (let match = form.exec(rest); match !== null; match = form.exec(rest)) {
    const begin = match.index + match[0].length;
    let [end, depth] = [begin, 0];
    for (; end < rest.length; end += 1) {
      const character = rest.charAt(end);
      if (character === "(") depth += 1;
      if (character === ")" && (depth -= 1) < 0) break;
    }
    rest = `${rest.slice(0, match.index)}select ${rest.slice(begin, end)} limit ${match[1]}${rest.slice(end)}`;
  }
  return rest;
}

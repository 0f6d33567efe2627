/** The shapes that the page about tables shows, with what makes them. */
export const families = ["Postgres", "MySQL", "MariaDB", "SQLite"] as const;
export type FamilyName = (typeof families)[number];

export interface ShapeSample {
  readonly title: string;
  /** Statements by database; `$role` is the role that policies and grants are for. */
  readonly made: Partial<Readonly<Record<FamilyName, readonly string[]>>>;
  /** It is written by a view, named `live`. */
  readonly view?: true;
  /** It is written as a role that policies and grants bind. */
  readonly secured?: true;
}

const columns = (owner: string, text: string) =>
  `id ${text} primary key, owner_id ${owner}, body ${text}`;
const forPostgres = columns("uuid", "text");
const forMysql = columns("varchar(40)", "varchar(40)");
const forSqlite = columns("text", "text");

const table = (more = "") => ({
  Postgres: [`create table items (${forPostgres}${more})`],
  MySQL: [`create table items (${forMysql}${more})`],
  MariaDB: [`create table items (${forMysql}${more})`],
  SQLite: [`create table items (${forSqlite}${more})`],
});
const { Postgres, MySQL, MariaDB, SQLite } = table();
const trigger = (when: string, body: string, on = "items") => [
  `create function does() returns trigger language plpgsql as $$ begin ${body} end $$`,
  `create trigger does ${when} on ${on} for each row execute function does()`,
];
const policies = (...all: readonly string[]) => [
  "alter table items enable row level security",
  "create policy see on items for select using (true)",
  "create policy make on items for insert with check (owner_id = auth.uid())",
  ...all,
];

const grantAll = "grant all on items to $role";
const open = [
  "alter table items enable row level security",
  "create policy all_of_it on items using (true)",
];

export const shapes: readonly ShapeSample[] = [
  { title: "plain", made: table() },
  {
    title: "with a generated column",
    made: table(", n integer default 1, twice integer generated always as (n * 2) stored"),
  },
  {
    title: "with an identity column",
    made: {
      Postgres: [`create table items (${forPostgres}, n integer generated always as identity)`],
      MySQL: [`create table items (${forMysql}, n integer auto_increment unique)`],
      MariaDB: [`create table items (${forMysql}, n integer auto_increment unique)`],
    },
  },
  {
    title: "with a trigger that stamps",
    made: {
      Postgres: [...Postgres, ...trigger("before insert or update", "return new;")],
      MySQL: [...MySQL, "create trigger does before update on items for each row set @x = 1"],
      MariaDB: [...MariaDB, "create trigger does before update on items for each row set @x = 1"],
      SQLite: [...SQLite, "create trigger does after update on items begin select 1; end"],
    },
  },
  {
    title: "with a trigger that passes over UPDATE and DELETE",
    made: {
      Postgres: [...Postgres, ...trigger("before update or delete", "return null;")],
      SQLite: [
        ...SQLite,
        "create trigger no_update before update on items begin select raise(ignore); end",
        "create trigger no_delete before delete on items begin select raise(ignore); end",
      ],
    },
  },
  {
    title: "whose key is unique, and not the primary one",
    made: uniqueKey(),
  },
  {
    title: "whose key is deferrable",
    made: {
      Postgres: ["create table items (id text primary key deferrable, owner_id uuid, body text)"],
    },
  },
  {
    title: "partitioned by its key",
    made: {
      Postgres: [
        `create table items (${forPostgres}) partition by hash (id)`,
        "create table items_0 partition of items for values with (modulus 1, remainder 0)",
      ],
      MySQL: [`create table items (${forMysql}) partition by key (id) partitions 2`],
      MariaDB: [`create table items (${forMysql}) partition by key (id) partitions 2`],
    },
  },
  {
    title: "partitioned by another column",
    made: {
      Postgres: [
        "create table items (id text, owner_id uuid, body text, made date default '2026-01-01', primary key (id, made)) partition by range (made)",
        "create table items_2026 partition of items for values from ('2026-01-01') to ('2027-01-01')",
      ],
    },
  },
  {
    title: "with a rule for UPDATE",
    made: {
      Postgres: [
        ...Postgres,
        "create rule notes as on update to items do also select 1 where false",
      ],
    },
  },
  {
    title: "with a rule that makes DELETE an UPDATE",
    made: {
      Postgres: [
        ...Postgres,
        "create rule keeps as on delete to items do instead update items set body = 'gone' where id = old.id",
      ],
    },
  },
  {
    title: "a view of all rows",
    view: true,
    made: {
      Postgres: [...Postgres, "create view live as select * from items"],
      MySQL: [...MySQL, "create view live as select * from items"],
      MariaDB: [...MariaDB, "create view live as select * from items"],
    },
  },
  {
    title: "a view with WHERE",
    view: true,
    made: {
      Postgres: [...Postgres, "create view live as select * from items where body <> 'gone'"],
      MySQL: [...MySQL, "create view live as select * from items where body <> 'gone'"],
      MariaDB: [...MariaDB, "create view live as select * from items where body <> 'gone'"],
    },
  },
  {
    title: "a view with `INSTEAD OF`",
    view: true,
    made: {
      Postgres: [
        ...Postgres,
        "create view live as select * from items",
        ...trigger(
          "instead of insert or update or delete",
          `if tg_op = 'INSERT' then insert into items values (new.id, new.owner_id, new.body); return new; end if;
           if tg_op = 'UPDATE' then update items set body = new.body where id = old.id; return new; end if;
           delete from items where id = old.id; return old;`,
          "live",
        ),
      ],
      SQLite: [
        ...SQLite,
        "create view live as select * from items",
        "create trigger i instead of insert on live begin insert into items values (new.id, new.owner_id, new.body); end",
        "create trigger u instead of update on live begin update items set body = new.body where id = old.id; end",
        "create trigger d instead of delete on live begin delete from items where id = old.id; end",
      ],
    },
  },
  {
    title: "policies for each operation",
    secured: true,
    made: {
      Postgres: [
        ...Postgres,
        ...policies(
          "create policy change on items for update using (owner_id = auth.uid())",
          "create policy remove on items for delete using (owner_id = auth.uid())",
        ),
        grantAll,
      ],
    },
  },
  {
    title: "policies for SELECT and INSERT alone",
    secured: true,
    made: { Postgres: [...Postgres, ...policies(), grantAll] },
  },
  {
    title: "UPDATE granted of `body` alone",
    secured: true,
    made: {
      Postgres: [
        ...Postgres,
        ...open,
        "grant select, insert, delete on items to $role",
        "grant update (body) on items to $role",
      ],
    },
  },
  {
    title: "SELECT and INSERT granted alone",
    secured: true,
    made: { Postgres: [...Postgres, ...open, "grant select, insert on items to $role"] },
  },
];

function uniqueKey(): ShapeSample["made"] {
  const of = (owner: string, text: string) => [
    `create table items (number integer, id ${text} unique, owner_id ${owner}, body ${text})`,
  ];
  return {
    Postgres: of("uuid", "text"),
    MySQL: of("varchar(40)", "varchar(40)"),
    MariaDB: of("varchar(40)", "varchar(40)"),
    SQLite: of("text", "text"),
  };
}

/** The library's own tables in their first form, statement by statement: what an upgrade finds. */
import type { TestDialect } from "./databases.js";

const columns = {
  ledger: (longText: string, timestamp: string) => `
    identity varchar(64) primary key,
    client varchar(64) not null,
    answer ${longText},
    answered_at ${timestamp}`,
  deadLetters: (text: string, longText: string, timestamp: string) => `
    id varchar(36) primary key,
    status varchar(16) not null default 'open',
    error_code ${text} not null,
    message ${text} not null,
    operation_index integer,
    user_id ${text} not null,
    client_id ${text},
    queue_id ${text},
    identity varchar(64),
    payload ${longText} not null,
    created_at ${timestamp}`,
};

interface Types {
  readonly text: string;
  readonly longText: string;
  readonly timestamp: string;
  readonly options: string;
}

const postgres: Types = {
  text: "text",
  longText: "text",
  timestamp: "timestamptz not null default now()",
  options: "",
};

const sqlite: Types = {
  text: "text",
  longText: "text",
  timestamp: "text not null default (strftime('%Y-%m-%d %H:%M:%f', 'now'))",
  options: "",
};

const mysql: Types = {
  text: "mediumtext",
  longText: "longtext",
  timestamp: "timestamp(6) not null default current_timestamp(6)",
  options: " engine = InnoDB default character set utf8mb4 collate utf8mb4_bin",
};

const types = { postgres, mysql, sqlite };

export function firstTables(family: TestDialect["family"]): readonly string[] {
  const { text, longText, timestamp, options } = types[family];
  return [
    `create table powersync_ledger (${columns.ledger(longText, timestamp)})${options}`,
    `create table powersync_dead_letters (${columns.deadLetters(text, longText, timestamp)})${options}`,
  ];
}

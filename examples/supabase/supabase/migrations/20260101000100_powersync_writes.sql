-- The role that the function logs in as. It may become `authenticated`, owns nothing, and no policy lets it through.
-- It can't log in before it has a password: alter role powersync_writer password '…'.
create role powersync_writer login noinherit;
grant authenticated to powersync_writer;

-- The library's own tables, in a schema that the Data API does not show.
create schema powersync;
grant usage on schema powersync to powersync_writer;

-- Made by `npx powersync-writes tables --print`, with `ownTables: { schema: "powersync" }`.
create table if not exists "powersync"."powersync_migrations" ("name" varchar(64) primary key, "form" varchar(64) not null, "applied_at" timestamptz default now() not null);
create table if not exists "powersync"."powersync_ledger" ("identity" varchar(64) primary key, "queue" varchar(64) not null, "answer" text null, "handling" integer null, "answered_at" timestamptz default now() not null, "request" varchar(36) not null, "request_at" timestamptz default now() not null, "first_request" varchar(36) not null, "first_request_at" timestamptz default now() not null, "applied_at" timestamptz null);
create index "powersync_ledger_answered_at" on "powersync"."powersync_ledger" ("answered_at", "identity");
create index "powersync_ledger_queue" on "powersync"."powersync_ledger" ("queue", "first_request_at");
create table if not exists "powersync"."powersync_devices" ("queue" varchar(64) primary key, "subject" varchar(64) not null, "place" varchar(64) not null, "entered_at" timestamptz default now() not null, "unsettled" integer default 0 not null, "told" integer default 0 not null);
create index "powersync_devices_subject" on "powersync"."powersync_devices" ("place", "subject");
create table if not exists "powersync"."powersync_accounts" ("place" varchar(64) not null, "subject" varchar(64) not null, "position" bigint not null, "told_at" timestamptz null, constraint "powersync_accounts_key" primary key ("place", "subject"));
create table if not exists "powersync"."powersync_named" ("hash" varchar(64) primary key, "place" varchar(64) not null, "subject" varchar(64) not null, "position" bigint not null, "answer" text null, "named_at" timestamptz default now() not null);
create index "powersync_named_named_at" on "powersync"."powersync_named" ("named_at");
create index "powersync_named_subject" on "powersync"."powersync_named" ("place", "subject", "position");
create table if not exists "powersync"."powersync_versions" ("hash" varchar(64) primary key, "place" varchar(64) not null, "subject" varchar(64) not null, "writer" varchar(64) not null, "version" varchar(20) not null, "since" varchar(20) not null, "written_at" timestamptz default now() not null);
create index "powersync_versions_written_at" on "powersync"."powersync_versions" ("written_at");
create index "powersync_versions_subject" on "powersync"."powersync_versions" ("place", "subject");
create table if not exists "powersync"."powersync_dead_letters" ("id" varchar(36) primary key, "status" varchar(16) default 'open' not null, "error_code" text not null, "message" text not null, "operation_index" integer null, "user_id" text not null, "client_id" text null, "queue_id" text null, "identity" varchar(64) null, "payload" text not null, "created_at" timestamptz default now() not null, "subject" varchar(64) not null, "content" varchar(64) not null, "open_content" varchar(128) null, "place" varchar(64) not null, "principal" text null, "row_hashes" text null, "table_names" text not null, "original_payload" text null, "lossy_numbers" integer default 0 not null, "attempts" integer default 1 not null, "last_seen_at" timestamptz default now() not null, "reason" text null, "closed_at" timestamptz null, "bytes" integer not null, "root" varchar(36) null, "chain_position" integer null, "chain_last" integer default 0 not null, "chain_bytes" bigint default 0 not null, "overtaken" integer default 0 not null);
create unique index "powersync_dead_letters_open_content" on "powersync"."powersync_dead_letters" ("open_content");
create index "powersync_dead_letters_closed" on "powersync"."powersync_dead_letters" ("closed_at");
create index "powersync_dead_letters_root" on "powersync"."powersync_dead_letters" ("root", "chain_position");
create index "powersync_dead_letters_subject" on "powersync"."powersync_dead_letters" ("place", "subject", "status");
create index "powersync_dead_letters_status" on "powersync"."powersync_dead_letters" ("place", "status", "created_at", "id");
create table if not exists "powersync"."powersync_letter_parts" ("id" varchar(36) primary key, "letter" varchar(36) not null, "original" integer not null, "part" integer not null, "text" text not null, constraint "powersync_letter_parts_letter_fk" foreign key ("letter") references "powersync"."powersync_dead_letters" ("id") on delete cascade);
create index "powersync_letter_parts_letter" on "powersync"."powersync_letter_parts" ("letter", "part");
create table if not exists "powersync"."powersync_letter_rows" ("hash" varchar(64) not null, "letter" varchar(36) not null, constraint "powersync_letter_rows_key" primary key ("hash", "letter"));
create index "powersync_letter_rows_letter" on "powersync"."powersync_letter_rows" ("letter");
create table if not exists "powersync"."powersync_checkpoints" ("id" varchar(64) primary key, "user_id" text not null, "client_id" varchar(255) not null, "checkpoint" bigint not null);
create table if not exists "powersync"."powersync_attempts" ("content" varchar(64) primary key, "attempts" integer not null, "first_failed_at" timestamptz default now() not null, "last_failed_at" timestamptz default now() not null, "previous_failed_at" timestamptz null);
create index "powersync_attempts_last_failed_at" on "powersync"."powersync_attempts" ("last_failed_at");
insert into "powersync"."powersync_migrations" ("name", "form") values ('0001_tables', '1c4ded3e3447847ec1cf4967767abb69');

grant select, insert, update, delete on all tables in schema powersync to powersync_writer;
revoke all on powersync.powersync_migrations from powersync_writer;

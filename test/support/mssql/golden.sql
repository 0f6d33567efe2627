-- The pages, and how much of each the statements have been held against.
--
-- SET XACT_ABORT: https://learn.microsoft.com/sql/t-sql/statements/set-xact-abort-transact-sql (read: whole)
-- SET LOCK_TIMEOUT: https://learn.microsoft.com/sql/t-sql/statements/set-lock-timeout-transact-sql (read: whole)
-- SET NOCOUNT: https://learn.microsoft.com/sql/t-sql/statements/set-nocount-transact-sql (read: whole)
-- SET IDENTITY_INSERT: https://learn.microsoft.com/sql/t-sql/statements/set-identity-insert-transact-sql (read: whole)
-- SAVE TRANSACTION: https://learn.microsoft.com/sql/t-sql/language-elements/save-transaction-transact-sql (read: whole)
-- ROLLBACK TRANSACTION: https://learn.microsoft.com/sql/t-sql/language-elements/rollback-transaction-transact-sql (read: whole)
-- SET Statements: https://learn.microsoft.com/sql/t-sql/statements/set-statements-transact-sql (read: whole)
-- Collation Precedence: https://learn.microsoft.com/sql/t-sql/statements/collation-precedence-transact-sql (read: whole)
-- Metadata Visibility Configuration: https://learn.microsoft.com/sql/relational-databases/security/metadata-visibility-configuration (read: whole)
-- Precision scale and length: https://learn.microsoft.com/sql/t-sql/data-types/precision-scale-and-length-transact-sql (read: whole)
-- SELECT: https://learn.microsoft.com/sql/t-sql/queries/select-transact-sql (read: whole)
-- INSERT: https://learn.microsoft.com/sql/t-sql/statements/insert-transact-sql (read: part)
-- UPDATE: https://learn.microsoft.com/sql/t-sql/queries/update-transact-sql (read: part)
-- DELETE: https://learn.microsoft.com/sql/t-sql/statements/delete-transact-sql (read: part)
-- MERGE: https://learn.microsoft.com/sql/t-sql/statements/merge-transact-sql (read: part)
-- Table hints: https://learn.microsoft.com/sql/t-sql/queries/hints-transact-sql-table (read: part)
-- Query hints: https://learn.microsoft.com/sql/t-sql/queries/hints-transact-sql-query (read: part)
-- TOP: https://learn.microsoft.com/sql/t-sql/queries/top-transact-sql (read: part)
-- FROM clause plus JOIN, APPLY: https://learn.microsoft.com/sql/t-sql/queries/from-transact-sql (read: part)
-- Table value constructor: https://learn.microsoft.com/sql/t-sql/queries/table-value-constructor-transact-sql (read: whole)
-- EXISTS: https://learn.microsoft.com/sql/t-sql/language-elements/exists-transact-sql (read: whole)
-- CASE: https://learn.microsoft.com/sql/t-sql/language-elements/case-transact-sql (read: whole)
-- Set operators - UNION: https://learn.microsoft.com/sql/t-sql/language-elements/set-operators-union-transact-sql (read: whole)
-- COALESCE: https://learn.microsoft.com/sql/t-sql/language-elements/coalesce-transact-sql (read: whole)
-- ISNULL: https://learn.microsoft.com/sql/t-sql/functions/isnull-transact-sql (read: whole)
-- NULLIF: https://learn.microsoft.com/sql/t-sql/language-elements/nullif-transact-sql (read: whole)
-- CAST and CONVERT: https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql (read: part)
-- COLLATE: https://learn.microsoft.com/sql/t-sql/statements/collations (read: whole)
-- HASHBYTES: https://learn.microsoft.com/sql/t-sql/functions/hashbytes-transact-sql (read: whole)
-- DATEADD: https://learn.microsoft.com/sql/t-sql/functions/dateadd-transact-sql (read: whole)
-- SYSUTCDATETIME: https://learn.microsoft.com/sql/t-sql/functions/sysutcdatetime-transact-sql (read: whole)
-- DATALENGTH: https://learn.microsoft.com/sql/t-sql/functions/datalength-transact-sql (read: whole)
-- REPLACE: https://learn.microsoft.com/sql/t-sql/functions/replace-transact-sql (read: whole)
-- COUNT: https://learn.microsoft.com/sql/t-sql/functions/count-transact-sql (read: whole)
-- SUM: https://learn.microsoft.com/sql/t-sql/functions/sum-transact-sql (read: whole)
-- MIN: https://learn.microsoft.com/sql/t-sql/functions/min-transact-sql (read: whole)
-- MAX: https://learn.microsoft.com/sql/t-sql/functions/max-transact-sql (read: whole)
-- STRING_AGG: https://learn.microsoft.com/sql/t-sql/functions/string-agg-transact-sql (read: whole)
-- OPENJSON: https://learn.microsoft.com/sql/t-sql/functions/openjson-transact-sql (read: part)
-- RTRIM: https://learn.microsoft.com/sql/t-sql/functions/rtrim-transact-sql (read: whole)
-- SUBSTRING: https://learn.microsoft.com/sql/t-sql/functions/substring-transact-sql (read: whole)
-- LEN: https://learn.microsoft.com/sql/t-sql/functions/len-transact-sql (read: whole)
-- REVERSE: https://learn.microsoft.com/sql/t-sql/functions/reverse-transact-sql (read: whole)
-- CHARINDEX: https://learn.microsoft.com/sql/t-sql/functions/charindex-transact-sql (read: whole)
-- QUOTENAME: https://learn.microsoft.com/sql/t-sql/functions/quotename-transact-sql (read: whole)
-- LOWER: https://learn.microsoft.com/sql/t-sql/functions/lower-transact-sql (read: whole)
-- CONCAT: https://learn.microsoft.com/sql/t-sql/functions/concat-transact-sql (read: whole)
-- OBJECT_ID: https://learn.microsoft.com/sql/t-sql/functions/object-id-transact-sql (read: whole)
-- DB_NAME: https://learn.microsoft.com/sql/t-sql/functions/db-name-transact-sql (read: whole)
-- HAS_PERMS_BY_NAME: https://learn.microsoft.com/sql/t-sql/functions/has-perms-by-name-transact-sql (read: whole)
-- COLLATIONPROPERTY: https://learn.microsoft.com/sql/t-sql/functions/collation-functions-collationproperty-transact-sql (read: whole)
-- sys.columns: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-columns-transact-sql (read: whole)
-- sys.types: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-types-transact-sql (read: whole)
-- sys.objects: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-objects-transact-sql (read: whole)
-- sys.databases: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-databases-transact-sql (read: whole)
-- sys.triggers: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-triggers-transact-sql (read: whole)
-- sys.trigger_events: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-trigger-events-transact-sql (read: whole)
-- sys.indexes: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-indexes-transact-sql (read: whole)
-- sys.index_columns: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-index-columns-transact-sql (read: whole)
-- sys.check_constraints: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-check-constraints-transact-sql (read: whole)
-- sys.default_constraints: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-default-constraints-transact-sql (read: whole)
-- sys.foreign_keys: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-foreign-keys-transact-sql (read: whole)
-- sys.foreign_key_columns: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-foreign-key-columns-transact-sql (read: whole)
-- sys.tables: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-tables-transact-sql (read: whole)
-- sys.computed_columns: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-computed-columns-transact-sql (read: whole)
-- sys.security_predicates: https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-security-predicates-transact-sql (read: whole)
-- CREATE TABLE: https://learn.microsoft.com/sql/t-sql/statements/create-table-transact-sql (read: part)
-- CREATE INDEX: https://learn.microsoft.com/sql/t-sql/statements/create-index-transact-sql (read: part)
-- IF...ELSE: https://learn.microsoft.com/sql/t-sql/language-elements/if-else-transact-sql (read: whole)
-- sp_getapplock: https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-getapplock-transact-sql (read: whole)
-- EXECUTE: https://learn.microsoft.com/sql/t-sql/language-elements/execute-transact-sql (read: whole)
-- DECLARE: https://learn.microsoft.com/sql/t-sql/language-elements/declare-local-variable-transact-sql (read: part)

set xact_abort on; set lock_timeout 5000; set nocount off; 
-- stands before each statement of a transaction.

-- the rows of an owner

-- DELETE
delete from "lists" where "id" = @1

-- DELETE
delete from "todos" where "id" = @1

-- INSERT
insert into "lists" ("name", "owner_id", "id") values (@1, @2, @3)

-- INSERT
insert into "lists" ("name", "settings", "created_at", "owner_id", "id") values (@1, @2, @3, @4, @5)

-- INSERT
insert into "todos" ("list_id", "description", "completed", "position", "id") values (@1, @2, @3, @4, @5)

-- Collation Precedence, MERGE, Table hints, Table value constructor, COLLATE
merge into "powersync_accounts" with (holdlock) using (values (@1, @2, @3)) as "sent" ("place", "subject", "position") on "powersync_accounts"."place" = "sent"."place" collate Latin1_General_BIN2 and "powersync_accounts"."subject" = "sent"."subject" collate Latin1_General_BIN2 when matched then update set "position" = "powersync_accounts"."position" when not matched then insert ("place", "subject", "position") values ("sent"."place", "sent"."subject", "sent"."position");

-- Collation Precedence, SELECT, MERGE, Table hints, TOP, COLLATE, COUNT
merge into "powersync_devices" with (holdlock) using (select @1, @2, @3, @4, @5 from (select count(*) as devices from (select top(1000) "device"."queue" from "powersync_devices" as "device" where "device"."place" = @6 and "device"."subject" = @7) as "known") as counted where counted.devices < 1000) as "sent" ("queue", "subject", "place", "unsettled", "told") on "powersync_devices"."queue" = "sent"."queue" collate Latin1_General_BIN2 when not matched then insert ("queue", "subject", "place", "unsettled", "told") values ("sent"."queue", "sent"."subject", "sent"."place", "sent"."unsettled", "sent"."told");

-- Collation Precedence, SELECT, MERGE, Table hints, COLLATE, DATEADD, SYSUTCDATETIME
merge into "powersync_ledger" with (holdlock) using (select @1, @2, @3, @4, @5, dateadd(minute, @6, dateadd(microsecond, @7, sysutcdatetime())), @8, dateadd(minute, @9, dateadd(microsecond, @10, sysutcdatetime())), sysutcdatetime() from "powersync_devices" as device where device.queue = @11 ) as "sent" ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") on "powersync_ledger"."identity" = "sent"."identity" collate Latin1_General_BIN2 when not matched then insert ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") values ("sent"."identity", "sent"."queue", "sent"."answer", "sent"."handling", "sent"."request", "sent"."request_at", "sent"."first_request", "sent"."first_request_at", "sent"."applied_at");

-- Collation Precedence, SELECT, MERGE, Table hints, COLLATE, DATEADD, SYSUTCDATETIME
merge into "powersync_ledger" with (holdlock) using (select @1, @2, @3, @4, @5, dateadd(minute, @6, dateadd(microsecond, @7, sysutcdatetime())), @8, dateadd(minute, @9, dateadd(microsecond, @10, sysutcdatetime())), sysutcdatetime() from "powersync_devices" as device with (repeatableread, rowlock) where device.queue = @11 and device.unsettled = 0 and device.told = 0 ) as "sent" ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") on "powersync_ledger"."identity" = "sent"."identity" collate Latin1_General_BIN2 when not matched then insert ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") values ("sent"."identity", "sent"."queue", "sent"."answer", "sent"."handling", "sent"."request", "sent"."request_at", "sent"."first_request", "sent"."first_request_at", "sent"."applied_at");

-- SELECT
select "answer" from "powersync_ledger" where "identity" in (@1) and "handling" is null

-- SELECT, Table hints
select "answer", "request", "handling" from "powersync_ledger" with (updlock, rowlock) where "identity" = @1

-- SELECT, Table hints, CASE, DATEADD, SYSUTCDATETIME
select "position", case when told_at >= dateadd(minute, @1, dateadd(microsecond, @2, sysutcdatetime())) then 1 else 0 end as "telling" from "powersync_accounts" with (updlock, rowlock) where "place" = @3 and "subject" = @4

-- SELECT
select "unsettled", "told" from "powersync_devices" where "queue" = @1

-- Collation Precedence, Metadata Visibility Configuration, SELECT, FROM clause plus JOIN, APPLY, EXISTS, Set operators - UNION, COALESCE, CAST and CONVERT, COLLATE, CHARINDEX, CONCAT, OBJECT_ID, HAS_PERMS_BY_NAME, sys.columns, sys.objects, sys.triggers, sys.trigger_events, sys.indexes, sys.index_columns, sys.check_constraints, sys.default_constraints, sys.foreign_keys, sys.foreign_key_columns, sys.tables, sys.computed_columns, sys.security_predicates
select 'object' as kind, convert(nvarchar(max), o.type) collate database_default as name, convert(nvarchar(max), concat(coalesce(has_perms_by_name(@1, 'OBJECT', @2), 0), coalesce(has_perms_by_name(@3, 'OBJECT', @4), 0), coalesce(has_perms_by_name(@5, 'OBJECT', @6), 0))) collate database_default as detail, 0 as nr from sys.objects as o where o.object_id = object_id(@7) union all select 'column', convert(nvarchar(max), c.name) collate database_default, convert(nvarchar(max), concat(coalesce(has_perms_by_name(@8, 'OBJECT', @9, c.name, 'COLUMN'), 0), coalesce(has_perms_by_name(@10, 'OBJECT', @11, c.name, 'COLUMN'), 0))) collate database_default, 0 from sys.columns as c where c.object_id = object_id(@12) union all select 'trigger', convert(nvarchar(max), e.type_desc) collate database_default, null, 0 from sys.triggers as t join sys.trigger_events as e on e.object_id = t.object_id where t.parent_id = object_id(@13) and t.is_disabled = 0 union all select 'trigger', 'INSERT', null, 0 from sys.indexes as d where d.object_id = object_id(@14) and d.ignore_dup_key = 1 union all select 'unique', convert(nvarchar(max), i.name) collate database_default, convert(nvarchar(max), c.name) collate database_default, x.key_ordinal from sys.indexes as i join sys.index_columns as x on x.object_id = i.object_id and x.index_id = i.index_id and x.key_ordinal > 0 join sys.columns as c on c.object_id = x.object_id and c.column_id = x.column_id where i.object_id = object_id(@15) and i.is_unique = 1 and i.name is not null union all select 'check', convert(nvarchar(max), k.name) collate database_default, convert(nvarchar(max), k.definition) collate database_default, 0 from sys.check_constraints as k where k.parent_object_id = object_id(@16) union all select 'reference', convert(nvarchar(max), f.name) collate database_default, convert(nvarchar(max), c.name) collate database_default, x.constraint_column_id from sys.foreign_keys as f join sys.foreign_key_columns as x on x.constraint_object_id = f.object_id join sys.columns as c on c.object_id = x.parent_object_id and c.column_id = x.parent_column_id where f.parent_object_id = object_id(@17) union all select 'run', convert(nvarchar(max), c.name) collate database_default, null, 0 from sys.tables as t join sys.indexes as i on i.object_id = t.object_id and i.is_unique = 1 join sys.index_columns as x on x.object_id = i.object_id and x.index_id = i.index_id and x.key_ordinal > 0 join sys.columns as c on c.object_id = x.object_id and c.column_id = x.column_id where t.object_id = object_id(@18) and t.temporal_type = 0 and t.is_memory_optimized = 0 and not exists ( select 1 from sys.indexes as o where o.object_id = t.object_id and (o.type > 2 or o.has_filter = 1 or o.is_disabled = 1 or o.is_hypothetical = 1 or o.ignore_dup_key = 1) ) and not exists (select 1 from sys.columns as r where r.object_id = t.object_id and r.rule_object_id <> 0) and not exists ( select 1 from sys.foreign_keys as f where f.parent_object_id = t.object_id and f.referenced_object_id = t.object_id ) and not exists (select 1 from sys.check_constraints as k where k.parent_object_id = t.object_id and charindex('].', "k"."definition") > 0) and not exists (select 1 from sys.default_constraints as d where d.parent_object_id = t.object_id and charindex('].', "d"."definition") > 0) and not exists (select 1 from sys.computed_columns as m where m.object_id = t.object_id and charindex('].', "m"."definition") > 0) and not exists (select 1 from sys.security_predicates as p where p.target_object_id = t.object_id) order by kind, name, nr

-- SELECT, Table hints
select 1 as "ok" from "lists" with (updlock, serializable) where "id" = @1

-- Collation Precedence, Metadata Visibility Configuration, SELECT, FROM clause plus JOIN, APPLY, EXISTS, CASE, COALESCE, CAST and CONVERT, COLLATE, CHARINDEX, QUOTENAME, LOWER, OBJECT_ID, COLLATIONPROPERTY, sys.columns, sys.types, sys.check_constraints, sys.default_constraints
select c.name as name, coalesce(b.name, t.name, '') as type, c.max_length as size, c.precision as digits, c.scale as scale, c.collation_name as collation, convert(int, collationproperty(c.collation_name, 'CodePage')) as page, c.is_nullable as nullable, c.is_identity as counts, c.is_computed as computed, c.generated_always_type as period, c.default_object_id as [default], d.definition as defaulted, case when exists ( select 1 from sys.check_constraints as k where k.parent_object_id = c.object_id and charindex(lower('isjson(' + quotename(c.name)) collate Latin1_General_BIN2, lower(k.definition) collate Latin1_General_BIN2) > 0 ) then 1 else 0 end as json from sys.columns as c left join sys.types as t on t.user_type_id = c.user_type_id left join sys.types as b on b.user_type_id = c.system_type_id left join sys.default_constraints as d on d.object_id = c.default_object_id where c.object_id = object_id(@1) order by c.column_id

-- SELECT, EXISTS, CASE
select case when ( exists (select "lists"."id" from "lists" where "lists"."id" = "todos"."list_id" and "lists"."owner_id" = @1) ) then 1 else 0 end as "ok" from "todos" where "id" = @2

-- SELECT, Table hints, EXISTS, CASE
select case when ( exists (select "lists"."id" from "lists" where "lists"."id" = "todos"."list_id" and "lists"."owner_id" = @1) ) then 1 else 0 end as "ok" from "todos" with (updlock, serializable) where "id" = @2

-- SELECT, CASE, CAST and CONVERT
select case when convert(varbinary(max), convert(nvarchar(max), "lists"."owner_id")) = convert(varbinary(max), convert(nvarchar(max), @1)) then 1 else 0 end as "ok" from "lists" where "id" = @2

-- SELECT, Table hints, CASE, CAST and CONVERT
select case when convert(varbinary(max), convert(nvarchar(max), "lists"."owner_id")) = convert(varbinary(max), convert(nvarchar(max), @1)) then 1 else 0 end as "ok" from "lists" with (updlock, serializable) where "id" = @2

-- SELECT, EXISTS, CASE
select case when exists (select 1 as "one" from "powersync_dead_letters" as "open" where "open"."place" = @1 and "open"."subject" = @2 and "open"."status" in (@3, @4)) then 1 else 0 end as answer

-- UPDATE
update "lists" set "name" = @1 where "id" = @2

-- UPDATE
update "todos" set "position" = @1 where "id" = @2

-- neighboring PUTs

-- INSERT
insert into "todos" ("list_id", "description", "completed", "position", "id") values (@1, @2, @3, @4, @5)

-- MERGE, Table hints, Query hints, FROM clause plus JOIN, APPLY, Table value constructor, CAST and CONVERT
merge into "lists" with (updlock, serializable) using (values (@2, @3, @4, convert(uniqueidentifier, @5)), (@6, @7, @8, convert(uniqueidentifier, @9))) as "powersync_sent" ("name", "created_at", "owner_id", "id") on "lists"."id" = "powersync_sent"."id" when matched and (convert(varbinary(max), convert(nvarchar(max), "lists"."owner_id")) = convert(varbinary(max), convert(nvarchar(max), @1))) then update set "name" = "powersync_sent"."name", "created_at" = "powersync_sent"."created_at" when not matched then insert ("name", "created_at", "owner_id", "id") values ("powersync_sent"."name", "powersync_sent"."created_at", "powersync_sent"."owner_id", "powersync_sent"."id") option (loop join);

-- Collation Precedence, MERGE, Table hints, Table value constructor, COLLATE
merge into "powersync_accounts" with (holdlock) using (values (@1, @2, @3)) as "sent" ("place", "subject", "position") on "powersync_accounts"."place" = "sent"."place" collate Latin1_General_BIN2 and "powersync_accounts"."subject" = "sent"."subject" collate Latin1_General_BIN2 when matched then update set "position" = "powersync_accounts"."position" when not matched then insert ("place", "subject", "position") values ("sent"."place", "sent"."subject", "sent"."position");

-- Collation Precedence, SELECT, MERGE, Table hints, TOP, COLLATE, COUNT
merge into "powersync_devices" with (holdlock) using (select @1, @2, @3, @4, @5 from (select count(*) as devices from (select top(1000) "device"."queue" from "powersync_devices" as "device" where "device"."place" = @6 and "device"."subject" = @7) as "known") as counted where counted.devices < 1000) as "sent" ("queue", "subject", "place", "unsettled", "told") on "powersync_devices"."queue" = "sent"."queue" collate Latin1_General_BIN2 when not matched then insert ("queue", "subject", "place", "unsettled", "told") values ("sent"."queue", "sent"."subject", "sent"."place", "sent"."unsettled", "sent"."told");

-- Collation Precedence, SELECT, MERGE, Table hints, COLLATE, DATEADD, SYSUTCDATETIME
merge into "powersync_ledger" with (holdlock) using (select @1, @2, @3, @4, @5, dateadd(minute, @6, dateadd(microsecond, @7, sysutcdatetime())), @8, dateadd(minute, @9, dateadd(microsecond, @10, sysutcdatetime())), sysutcdatetime() from "powersync_devices" as device where device.queue = @11 ) as "sent" ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") on "powersync_ledger"."identity" = "sent"."identity" collate Latin1_General_BIN2 when not matched then insert ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") values ("sent"."identity", "sent"."queue", "sent"."answer", "sent"."handling", "sent"."request", "sent"."request_at", "sent"."first_request", "sent"."first_request_at", "sent"."applied_at");

-- Collation Precedence, SELECT, MERGE, Table hints, COLLATE, DATEADD, SYSUTCDATETIME
merge into "powersync_ledger" with (holdlock) using (select @1, @2, @3, @4, @5, dateadd(minute, @6, dateadd(microsecond, @7, sysutcdatetime())), @8, dateadd(minute, @9, dateadd(microsecond, @10, sysutcdatetime())), sysutcdatetime() from "powersync_devices" as device with (repeatableread, rowlock) where device.queue = @11 and device.unsettled = 0 and device.told = 0 ) as "sent" ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") on "powersync_ledger"."identity" = "sent"."identity" collate Latin1_General_BIN2 when not matched then insert ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") values ("sent"."identity", "sent"."queue", "sent"."answer", "sent"."handling", "sent"."request", "sent"."request_at", "sent"."first_request", "sent"."first_request_at", "sent"."applied_at");

-- SELECT
select "answer" from "powersync_ledger" where "identity" in (@1) and "handling" is null

-- SELECT, Table hints
select "answer", "request", "handling" from "powersync_ledger" with (updlock, rowlock) where "identity" = @1

-- SELECT, Table hints, CASE, DATEADD, SYSUTCDATETIME
select "position", case when told_at >= dateadd(minute, @1, dateadd(microsecond, @2, sysutcdatetime())) then 1 else 0 end as "telling" from "powersync_accounts" with (updlock, rowlock) where "place" = @3 and "subject" = @4

-- SELECT
select "unsettled", "told" from "powersync_devices" where "queue" = @1

-- Collation Precedence, Metadata Visibility Configuration, SELECT, FROM clause plus JOIN, APPLY, EXISTS, Set operators - UNION, COALESCE, CAST and CONVERT, COLLATE, CHARINDEX, CONCAT, OBJECT_ID, HAS_PERMS_BY_NAME, sys.columns, sys.objects, sys.triggers, sys.trigger_events, sys.indexes, sys.index_columns, sys.check_constraints, sys.default_constraints, sys.foreign_keys, sys.foreign_key_columns, sys.tables, sys.computed_columns, sys.security_predicates
select 'object' as kind, convert(nvarchar(max), o.type) collate database_default as name, convert(nvarchar(max), concat(coalesce(has_perms_by_name(@1, 'OBJECT', @2), 0), coalesce(has_perms_by_name(@3, 'OBJECT', @4), 0), coalesce(has_perms_by_name(@5, 'OBJECT', @6), 0))) collate database_default as detail, 0 as nr from sys.objects as o where o.object_id = object_id(@7) union all select 'column', convert(nvarchar(max), c.name) collate database_default, convert(nvarchar(max), concat(coalesce(has_perms_by_name(@8, 'OBJECT', @9, c.name, 'COLUMN'), 0), coalesce(has_perms_by_name(@10, 'OBJECT', @11, c.name, 'COLUMN'), 0))) collate database_default, 0 from sys.columns as c where c.object_id = object_id(@12) union all select 'trigger', convert(nvarchar(max), e.type_desc) collate database_default, null, 0 from sys.triggers as t join sys.trigger_events as e on e.object_id = t.object_id where t.parent_id = object_id(@13) and t.is_disabled = 0 union all select 'trigger', 'INSERT', null, 0 from sys.indexes as d where d.object_id = object_id(@14) and d.ignore_dup_key = 1 union all select 'unique', convert(nvarchar(max), i.name) collate database_default, convert(nvarchar(max), c.name) collate database_default, x.key_ordinal from sys.indexes as i join sys.index_columns as x on x.object_id = i.object_id and x.index_id = i.index_id and x.key_ordinal > 0 join sys.columns as c on c.object_id = x.object_id and c.column_id = x.column_id where i.object_id = object_id(@15) and i.is_unique = 1 and i.name is not null union all select 'check', convert(nvarchar(max), k.name) collate database_default, convert(nvarchar(max), k.definition) collate database_default, 0 from sys.check_constraints as k where k.parent_object_id = object_id(@16) union all select 'reference', convert(nvarchar(max), f.name) collate database_default, convert(nvarchar(max), c.name) collate database_default, x.constraint_column_id from sys.foreign_keys as f join sys.foreign_key_columns as x on x.constraint_object_id = f.object_id join sys.columns as c on c.object_id = x.parent_object_id and c.column_id = x.parent_column_id where f.parent_object_id = object_id(@17) union all select 'run', convert(nvarchar(max), c.name) collate database_default, null, 0 from sys.tables as t join sys.indexes as i on i.object_id = t.object_id and i.is_unique = 1 join sys.index_columns as x on x.object_id = i.object_id and x.index_id = i.index_id and x.key_ordinal > 0 join sys.columns as c on c.object_id = x.object_id and c.column_id = x.column_id where t.object_id = object_id(@18) and t.temporal_type = 0 and t.is_memory_optimized = 0 and not exists ( select 1 from sys.indexes as o where o.object_id = t.object_id and (o.type > 2 or o.has_filter = 1 or o.is_disabled = 1 or o.is_hypothetical = 1 or o.ignore_dup_key = 1) ) and not exists (select 1 from sys.columns as r where r.object_id = t.object_id and r.rule_object_id <> 0) and not exists ( select 1 from sys.foreign_keys as f where f.parent_object_id = t.object_id and f.referenced_object_id = t.object_id ) and not exists (select 1 from sys.check_constraints as k where k.parent_object_id = t.object_id and charindex('].', "k"."definition") > 0) and not exists (select 1 from sys.default_constraints as d where d.parent_object_id = t.object_id and charindex('].', "d"."definition") > 0) and not exists (select 1 from sys.computed_columns as m where m.object_id = t.object_id and charindex('].', "m"."definition") > 0) and not exists (select 1 from sys.security_predicates as p where p.target_object_id = t.object_id) order by kind, name, nr

-- Collation Precedence, Metadata Visibility Configuration, SELECT, FROM clause plus JOIN, APPLY, EXISTS, CASE, COALESCE, CAST and CONVERT, COLLATE, CHARINDEX, QUOTENAME, LOWER, OBJECT_ID, COLLATIONPROPERTY, sys.columns, sys.types, sys.check_constraints, sys.default_constraints
select c.name as name, coalesce(b.name, t.name, '') as type, c.max_length as size, c.precision as digits, c.scale as scale, c.collation_name as collation, convert(int, collationproperty(c.collation_name, 'CodePage')) as page, c.is_nullable as nullable, c.is_identity as counts, c.is_computed as computed, c.generated_always_type as period, c.default_object_id as [default], d.definition as defaulted, case when exists ( select 1 from sys.check_constraints as k where k.parent_object_id = c.object_id and charindex(lower('isjson(' + quotename(c.name)) collate Latin1_General_BIN2, lower(k.definition) collate Latin1_General_BIN2) > 0 ) then 1 else 0 end as json from sys.columns as c left join sys.types as t on t.user_type_id = c.user_type_id left join sys.types as b on b.user_type_id = c.system_type_id left join sys.default_constraints as d on d.object_id = c.default_object_id where c.object_id = object_id(@1) order by c.column_id

-- SELECT, EXISTS, CASE
select case when ( exists (select "lists"."id" from "lists" where "lists"."id" = "todos"."list_id" and "lists"."owner_id" = @1) ) then 1 else 0 end as "ok" from "todos" where "id" = @2

-- SELECT, Table hints, EXISTS, CASE
select case when ( exists (select "lists"."id" from "lists" where "lists"."id" = "todos"."list_id" and "lists"."owner_id" = @1) ) then 1 else 0 end as "ok" from "todos" with (updlock, serializable) where "id" = @2

-- SELECT, EXISTS, CASE
select case when exists (select 1 as "one" from "powersync_dead_letters" as "open" where "open"."place" = @1 and "open"."subject" = @2 and "open"."status" in (@3, @4)) then 1 else 0 end as answer

-- rows of every kind of key and value

-- INSERT
insert into "books" ("title", "author", "uuid") values (@1, @2, @3)

-- INSERT
insert into "lists" ("name", "owner_id", "id") values (@1, @2, @3)

-- INSERT
insert into "things" ("amount", "big", "id") values (@1, @2, @3)

-- Collation Precedence, MERGE, Table hints, Table value constructor, COLLATE
merge into "powersync_accounts" with (holdlock) using (values (@1, @2, @3)) as "sent" ("place", "subject", "position") on "powersync_accounts"."place" = "sent"."place" collate Latin1_General_BIN2 and "powersync_accounts"."subject" = "sent"."subject" collate Latin1_General_BIN2 when matched then update set "position" = "powersync_accounts"."position" when not matched then insert ("place", "subject", "position") values ("sent"."place", "sent"."subject", "sent"."position");

-- Collation Precedence, MERGE, Table hints, Table value constructor, CASE, COLLATE, DATEADD, SYSUTCDATETIME
merge into "powersync_attempts" with (holdlock) using (values (@1, @2, sysutcdatetime(), sysutcdatetime())) as "sent" ("content", "attempts", "first_failed_at", "last_failed_at") on "powersync_attempts"."content" = "sent"."content" collate Latin1_General_BIN2 when matched then update set "attempts" = case when "powersync_attempts"."last_failed_at" < dateadd(minute, @3, dateadd(microsecond, @4, sysutcdatetime())) then 1 else "powersync_attempts"."attempts" + 1 end, "first_failed_at" = case when "powersync_attempts"."last_failed_at" < dateadd(minute, @5, dateadd(microsecond, @6, sysutcdatetime())) then sysutcdatetime() else "powersync_attempts"."first_failed_at" end, "previous_failed_at" = "powersync_attempts"."last_failed_at", "last_failed_at" = sysutcdatetime() when not matched then insert ("content", "attempts", "first_failed_at", "last_failed_at") values ("sent"."content", "sent"."attempts", "sent"."first_failed_at", "sent"."last_failed_at");

-- Collation Precedence, MERGE, Table hints, Table value constructor, COLLATE, SYSUTCDATETIME
merge into "powersync_dead_letters" with (holdlock) using (values (@1, @2, @3, sysutcdatetime(), @4, @5, @6, @7, @8, @9, @10, @11, @12, @13, @14, @15, @16, @17, @18)) as "sent" ("error_code", "message", "operation_index", "last_seen_at", "id", "user_id", "client_id", "queue_id", "identity", "payload", "bytes", "subject", "content", "open_content", "place", "principal", "row_hashes", "table_names", "lossy_numbers") on "powersync_dead_letters"."open_content" = "sent"."open_content" collate Latin1_General_BIN2 when matched then update set "error_code" = @19, "message" = @20, "operation_index" = @21, "last_seen_at" = sysutcdatetime(), "attempts" = "powersync_dead_letters"."attempts" + 1 when not matched then insert ("error_code", "message", "operation_index", "last_seen_at", "id", "user_id", "client_id", "queue_id", "identity", "payload", "bytes", "subject", "content", "open_content", "place", "principal", "row_hashes", "table_names", "lossy_numbers") values ("sent"."error_code", "sent"."message", "sent"."operation_index", "sent"."last_seen_at", "sent"."id", "sent"."user_id", "sent"."client_id", "sent"."queue_id", "sent"."identity", "sent"."payload", "sent"."bytes", "sent"."subject", "sent"."content", "sent"."open_content", "sent"."place", "sent"."principal", "sent"."row_hashes", "sent"."table_names", "sent"."lossy_numbers");

-- Collation Precedence, SELECT, MERGE, Table hints, TOP, COLLATE, COUNT
merge into "powersync_devices" with (holdlock) using (select @1, @2, @3, @4, @5 from (select count(*) as devices from (select top(1000) "device"."queue" from "powersync_devices" as "device" where "device"."place" = @6 and "device"."subject" = @7) as "known") as counted where counted.devices < 1000) as "sent" ("queue", "subject", "place", "unsettled", "told") on "powersync_devices"."queue" = "sent"."queue" collate Latin1_General_BIN2 when not matched then insert ("queue", "subject", "place", "unsettled", "told") values ("sent"."queue", "sent"."subject", "sent"."place", "sent"."unsettled", "sent"."told");

-- Collation Precedence, SELECT, MERGE, Table hints, COLLATE, DATEADD, SYSUTCDATETIME
merge into "powersync_ledger" with (holdlock) using (select @1, @2, @3, @4, @5, dateadd(minute, @6, dateadd(microsecond, @7, sysutcdatetime())), @8, dateadd(minute, @9, dateadd(microsecond, @10, sysutcdatetime())), @11 from "powersync_devices" as device with (repeatableread, rowlock) where device.queue = @12 and device.unsettled = 0 and device.told = 0 ) as "sent" ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") on "powersync_ledger"."identity" = "sent"."identity" collate Latin1_General_BIN2 when not matched then insert ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") values ("sent"."identity", "sent"."queue", "sent"."answer", "sent"."handling", "sent"."request", "sent"."request_at", "sent"."first_request", "sent"."first_request_at", "sent"."applied_at");

-- Collation Precedence, SELECT, MERGE, Table hints, COLLATE, DATEADD, SYSUTCDATETIME
merge into "powersync_ledger" with (holdlock) using (select @1, @2, @3, @4, @5, dateadd(minute, @6, dateadd(microsecond, @7, sysutcdatetime())), @8, dateadd(minute, @9, dateadd(microsecond, @10, sysutcdatetime())), sysutcdatetime() from "powersync_devices" as device where device.queue = @11 ) as "sent" ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") on "powersync_ledger"."identity" = "sent"."identity" collate Latin1_General_BIN2 when not matched then insert ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") values ("sent"."identity", "sent"."queue", "sent"."answer", "sent"."handling", "sent"."request", "sent"."request_at", "sent"."first_request", "sent"."first_request_at", "sent"."applied_at");

-- Collation Precedence, SELECT, MERGE, Table hints, COLLATE, DATEADD, SYSUTCDATETIME
merge into "powersync_ledger" with (holdlock) using (select @1, @2, @3, @4, @5, dateadd(minute, @6, dateadd(microsecond, @7, sysutcdatetime())), @8, dateadd(minute, @9, dateadd(microsecond, @10, sysutcdatetime())), sysutcdatetime() from "powersync_devices" as device with (repeatableread, rowlock) where device.queue = @11 and device.unsettled = 0 and device.told = 0 ) as "sent" ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") on "powersync_ledger"."identity" = "sent"."identity" collate Latin1_General_BIN2 when not matched then insert ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") values ("sent"."identity", "sent"."queue", "sent"."answer", "sent"."handling", "sent"."request", "sent"."request_at", "sent"."first_request", "sent"."first_request_at", "sent"."applied_at");

-- Collation Precedence, MERGE, Table hints, Table value constructor, COLLATE
merge into "powersync_letter_rows" with (holdlock) using (values (@1, @2)) as "sent" ("hash", "letter") on "powersync_letter_rows"."hash" = "sent"."hash" collate Latin1_General_BIN2 and "powersync_letter_rows"."letter" = "sent"."letter" collate Latin1_General_BIN2 when not matched then insert ("hash", "letter") values ("sent"."hash", "sent"."letter");

-- Collation Precedence, MERGE, Table hints, Table value constructor, COLLATE
merge into "powersync_letter_rows" with (holdlock) using (values (@1, @2), (@3, @4)) as "sent" ("hash", "letter") on "powersync_letter_rows"."hash" = "sent"."hash" collate Latin1_General_BIN2 and "powersync_letter_rows"."letter" = "sent"."letter" collate Latin1_General_BIN2 when not matched then insert ("hash", "letter") values ("sent"."hash", "sent"."letter");

-- SELECT
select "answer" from "powersync_ledger" where "identity" in (@1) and "handling" is null

-- SELECT, Table hints
select "answer", "request", "handling" from "powersync_ledger" with (updlock, rowlock) where "identity" = @1

-- SELECT, EXISTS, DATEADD, SYSUTCDATETIME
select "failed"."content" from "powersync_attempts" as "failed" where "failed"."content" = @1 and "failed"."attempts" >= @2 and "failed"."first_failed_at" <= dateadd(minute, @3, dateadd(microsecond, @4, sysutcdatetime())) and (exists (select "applied"."identity" from "powersync_ledger" as "applied" where "applied"."answered_at" > "failed"."previous_failed_at" and "applied"."applied_at" > "failed"."previous_failed_at") or "failed"."previous_failed_at" < dateadd(minute, @5, dateadd(microsecond, @6, sysutcdatetime())))

-- SELECT
select "id", "attempts" from "powersync_dead_letters" where "open_content" = @1

-- SELECT, FROM clause plus JOIN, APPLY, COALESCE
select "made"."hash", "made"."letter", coalesce("waits"."root", "waits"."id") as "root" from "powersync_letter_rows" as "made" inner join "powersync_dead_letters" as "waits" on "waits"."id" = "made"."letter" where "made"."hash" in (@1, @2) and "waits"."place" = @3 and "waits"."status" in (@4, @5)

-- SELECT
select "number" as "taken" from "authors" where "uuid" = @1

-- SELECT, Table hints, CASE, DATEADD, SYSUTCDATETIME
select "position", case when told_at >= dateadd(minute, @1, dateadd(microsecond, @2, sysutcdatetime())) then 1 else 0 end as "telling" from "powersync_accounts" with (updlock, rowlock) where "place" = @3 and "subject" = @4

-- SELECT
select "unsettled", "told" from "powersync_devices" where "queue" = @1

-- Collation Precedence, Metadata Visibility Configuration, SELECT, FROM clause plus JOIN, APPLY, EXISTS, Set operators - UNION, COALESCE, CAST and CONVERT, COLLATE, CHARINDEX, CONCAT, OBJECT_ID, HAS_PERMS_BY_NAME, sys.columns, sys.objects, sys.triggers, sys.trigger_events, sys.indexes, sys.index_columns, sys.check_constraints, sys.default_constraints, sys.foreign_keys, sys.foreign_key_columns, sys.tables, sys.computed_columns, sys.security_predicates
select 'object' as kind, convert(nvarchar(max), o.type) collate database_default as name, convert(nvarchar(max), concat(coalesce(has_perms_by_name(@1, 'OBJECT', @2), 0), coalesce(has_perms_by_name(@3, 'OBJECT', @4), 0), coalesce(has_perms_by_name(@5, 'OBJECT', @6), 0))) collate database_default as detail, 0 as nr from sys.objects as o where o.object_id = object_id(@7) union all select 'column', convert(nvarchar(max), c.name) collate database_default, convert(nvarchar(max), concat(coalesce(has_perms_by_name(@8, 'OBJECT', @9, c.name, 'COLUMN'), 0), coalesce(has_perms_by_name(@10, 'OBJECT', @11, c.name, 'COLUMN'), 0))) collate database_default, 0 from sys.columns as c where c.object_id = object_id(@12) union all select 'trigger', convert(nvarchar(max), e.type_desc) collate database_default, null, 0 from sys.triggers as t join sys.trigger_events as e on e.object_id = t.object_id where t.parent_id = object_id(@13) and t.is_disabled = 0 union all select 'trigger', 'INSERT', null, 0 from sys.indexes as d where d.object_id = object_id(@14) and d.ignore_dup_key = 1 union all select 'unique', convert(nvarchar(max), i.name) collate database_default, convert(nvarchar(max), c.name) collate database_default, x.key_ordinal from sys.indexes as i join sys.index_columns as x on x.object_id = i.object_id and x.index_id = i.index_id and x.key_ordinal > 0 join sys.columns as c on c.object_id = x.object_id and c.column_id = x.column_id where i.object_id = object_id(@15) and i.is_unique = 1 and i.name is not null union all select 'check', convert(nvarchar(max), k.name) collate database_default, convert(nvarchar(max), k.definition) collate database_default, 0 from sys.check_constraints as k where k.parent_object_id = object_id(@16) union all select 'reference', convert(nvarchar(max), f.name) collate database_default, convert(nvarchar(max), c.name) collate database_default, x.constraint_column_id from sys.foreign_keys as f join sys.foreign_key_columns as x on x.constraint_object_id = f.object_id join sys.columns as c on c.object_id = x.parent_object_id and c.column_id = x.parent_column_id where f.parent_object_id = object_id(@17) union all select 'run', convert(nvarchar(max), c.name) collate database_default, null, 0 from sys.tables as t join sys.indexes as i on i.object_id = t.object_id and i.is_unique = 1 join sys.index_columns as x on x.object_id = i.object_id and x.index_id = i.index_id and x.key_ordinal > 0 join sys.columns as c on c.object_id = x.object_id and c.column_id = x.column_id where t.object_id = object_id(@18) and t.temporal_type = 0 and t.is_memory_optimized = 0 and not exists ( select 1 from sys.indexes as o where o.object_id = t.object_id and (o.type > 2 or o.has_filter = 1 or o.is_disabled = 1 or o.is_hypothetical = 1 or o.ignore_dup_key = 1) ) and not exists (select 1 from sys.columns as r where r.object_id = t.object_id and r.rule_object_id <> 0) and not exists ( select 1 from sys.foreign_keys as f where f.parent_object_id = t.object_id and f.referenced_object_id = t.object_id ) and not exists (select 1 from sys.check_constraints as k where k.parent_object_id = t.object_id and charindex('].', "k"."definition") > 0) and not exists (select 1 from sys.default_constraints as d where d.parent_object_id = t.object_id and charindex('].', "d"."definition") > 0) and not exists (select 1 from sys.computed_columns as m where m.object_id = t.object_id and charindex('].', "m"."definition") > 0) and not exists (select 1 from sys.security_predicates as p where p.target_object_id = t.object_id) order by kind, name, nr

-- SELECT, CAST and CONVERT, HASHBYTES
select 0 as "n", convert(varchar(64), hashbytes('SHA2_256', convert(varbinary(max), convert(nvarchar(max), "id"))), 2) as "t0", convert(varchar(64), hashbytes('SHA2_256', convert(varbinary(max), convert(nvarchar(max), "name"))), 2) as "t1", convert(varchar(64), hashbytes('SHA2_256', convert(varbinary(max), convert(nvarchar(max), "owner_id"))), 2) as "t2", convert(varchar(64), hashbytes('SHA2_256', convert(varbinary(max), convert(nvarchar(64), "created_at", 121))), 2) as "t3", convert(varchar(64), hashbytes('SHA2_256', convert(varbinary(max), convert(nvarchar(max), "settings"))), 2) as "t4", convert(varchar(64), hashbytes('SHA2_256', convert(varbinary(max), convert(nvarchar(max), "labels"))), 2) as "t5" from "lists" where "id" = @1

-- SELECT, Table hints
select 1 as "ok" from "authors" with (updlock, serializable) where "number" = @1

-- SELECT, Table hints
select 1 as "ok" from "books" with (updlock, serializable) where "uuid" = @1

-- SELECT, Table hints
select 1 as "ok" from "lists" with (updlock, serializable) where "id" = @1

-- Collation Precedence, SELECT, Table hints, CAST and CONVERT, COLLATE
select 1 as "ok" from "things" with (updlock, serializable) where "code" = ( convert(varchar(8000), @1 collate SQL_Latin1_General_CP1_CI_AS) )

-- SELECT, Table hints
select 1 as "ok" from "things" with (updlock, serializable) where "id" = @1

-- SELECT, CASE
select 1 as "ok", case when "amount" = @1 and "big" = @2 and 1 = 1 then 1 else 0 end as "same" from "things" where "id" = @3

-- SELECT, CASE
select 1 as "ok", case when "amount" = @1 and 1 = 1 then 1 else 0 end as "same" from "things" where "id" = @2

-- Collation Precedence, Metadata Visibility Configuration, SELECT, FROM clause plus JOIN, APPLY, EXISTS, CASE, COALESCE, CAST and CONVERT, COLLATE, CHARINDEX, QUOTENAME, LOWER, OBJECT_ID, COLLATIONPROPERTY, sys.columns, sys.types, sys.check_constraints, sys.default_constraints
select c.name as name, coalesce(b.name, t.name, '') as type, c.max_length as size, c.precision as digits, c.scale as scale, c.collation_name as collation, convert(int, collationproperty(c.collation_name, 'CodePage')) as page, c.is_nullable as nullable, c.is_identity as counts, c.is_computed as computed, c.generated_always_type as period, c.default_object_id as [default], d.definition as defaulted, case when exists ( select 1 from sys.check_constraints as k where k.parent_object_id = c.object_id and charindex(lower('isjson(' + quotename(c.name)) collate Latin1_General_BIN2, lower(k.definition) collate Latin1_General_BIN2) > 0 ) then 1 else 0 end as json from sys.columns as c left join sys.types as t on t.user_type_id = c.user_type_id left join sys.types as b on b.user_type_id = c.system_type_id left join sys.default_constraints as d on d.object_id = c.default_object_id where c.object_id = object_id(@1) order by c.column_id

-- SELECT, Table hints, CASE, CAST and CONVERT
select case when (convert(varbinary(max), convert(nvarchar(max), "lists"."owner_id")) = convert(varbinary(max), convert(nvarchar(max), @1))) then 1 else 0 end as "f0" from "lists" with (updlock, serializable) where "id" = @2

-- SELECT, EXISTS, CASE
select case when exists (select 1 as "one" from "powersync_dead_letters" as "open" where "open"."place" = @1 and "open"."subject" = @2 and "open"."status" in (@3, @4)) then 1 else 0 end as answer

-- SELECT, TOP, CASE, SUM
select sum(1) as "letters", sum("bytes") as "bytes", sum(case when "client_id" = @1 then 1 else 0 end) as "client_letters", sum(case when "client_id" = @2 then "bytes" else 0 end) as "client_bytes" from (select top(1000) "client_id", "bytes" + "chain_bytes" as "bytes" from "powersync_dead_letters" where "place" = @3 and "subject" = @4 and "status" in (@5, @6) and "root" is null) as "open"

-- SET IDENTITY_INSERT, SET Statements, INSERT
set identity_insert "authors" on; insert into "authors" ("name", "uuid", "number") values (@1, @2, @3); set identity_insert "authors" off

-- bytes and money, of which NULL is no text

-- INSERT, CAST and CONVERT
insert into "files" ("data", "price", "id") values (convert(varbinary(max), @1, 2), convert(money, @2), @3)

-- INSERT
insert into "files" ("data", "price", "id") values (null, null, @1)

-- Collation Precedence, MERGE, Table hints, Table value constructor, COLLATE
merge into "powersync_accounts" with (holdlock) using (values (@1, @2, @3)) as "sent" ("place", "subject", "position") on "powersync_accounts"."place" = "sent"."place" collate Latin1_General_BIN2 and "powersync_accounts"."subject" = "sent"."subject" collate Latin1_General_BIN2 when matched then update set "position" = "powersync_accounts"."position" when not matched then insert ("place", "subject", "position") values ("sent"."place", "sent"."subject", "sent"."position");

-- Collation Precedence, MERGE, Table hints, Table value constructor, COLLATE, SYSUTCDATETIME
merge into "powersync_dead_letters" with (holdlock) using (values (@1, @2, @3, sysutcdatetime(), @4, @5, @6, @7, @8, @9, @10, @11, @12, @13, @14, @15, @16, @17, @18)) as "sent" ("error_code", "message", "operation_index", "last_seen_at", "id", "user_id", "client_id", "queue_id", "identity", "payload", "bytes", "subject", "content", "open_content", "place", "principal", "row_hashes", "table_names", "lossy_numbers") on "powersync_dead_letters"."open_content" = "sent"."open_content" collate Latin1_General_BIN2 when matched then update set "error_code" = @19, "message" = @20, "operation_index" = @21, "last_seen_at" = sysutcdatetime(), "attempts" = "powersync_dead_letters"."attempts" + 1 when not matched then insert ("error_code", "message", "operation_index", "last_seen_at", "id", "user_id", "client_id", "queue_id", "identity", "payload", "bytes", "subject", "content", "open_content", "place", "principal", "row_hashes", "table_names", "lossy_numbers") values ("sent"."error_code", "sent"."message", "sent"."operation_index", "sent"."last_seen_at", "sent"."id", "sent"."user_id", "sent"."client_id", "sent"."queue_id", "sent"."identity", "sent"."payload", "sent"."bytes", "sent"."subject", "sent"."content", "sent"."open_content", "sent"."place", "sent"."principal", "sent"."row_hashes", "sent"."table_names", "sent"."lossy_numbers");

-- Collation Precedence, SELECT, MERGE, Table hints, TOP, COLLATE, COUNT
merge into "powersync_devices" with (holdlock) using (select @1, @2, @3, @4, @5 from (select count(*) as devices from (select top(1000) "device"."queue" from "powersync_devices" as "device" where "device"."place" = @6 and "device"."subject" = @7) as "known") as counted where counted.devices < 1000) as "sent" ("queue", "subject", "place", "unsettled", "told") on "powersync_devices"."queue" = "sent"."queue" collate Latin1_General_BIN2 when not matched then insert ("queue", "subject", "place", "unsettled", "told") values ("sent"."queue", "sent"."subject", "sent"."place", "sent"."unsettled", "sent"."told");

-- Collation Precedence, SELECT, MERGE, Table hints, COLLATE, DATEADD, SYSUTCDATETIME
merge into "powersync_ledger" with (holdlock) using (select @1, @2, @3, @4, @5, dateadd(minute, @6, dateadd(microsecond, @7, sysutcdatetime())), @8, dateadd(minute, @9, dateadd(microsecond, @10, sysutcdatetime())), @11 from "powersync_devices" as device with (repeatableread, rowlock) where device.queue = @12 and device.unsettled = 0 and device.told = 0 ) as "sent" ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") on "powersync_ledger"."identity" = "sent"."identity" collate Latin1_General_BIN2 when not matched then insert ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") values ("sent"."identity", "sent"."queue", "sent"."answer", "sent"."handling", "sent"."request", "sent"."request_at", "sent"."first_request", "sent"."first_request_at", "sent"."applied_at");

-- Collation Precedence, SELECT, MERGE, Table hints, COLLATE, DATEADD, SYSUTCDATETIME
merge into "powersync_ledger" with (holdlock) using (select @1, @2, @3, @4, @5, dateadd(minute, @6, dateadd(microsecond, @7, sysutcdatetime())), @8, dateadd(minute, @9, dateadd(microsecond, @10, sysutcdatetime())), sysutcdatetime() from "powersync_devices" as device where device.queue = @11 ) as "sent" ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") on "powersync_ledger"."identity" = "sent"."identity" collate Latin1_General_BIN2 when not matched then insert ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") values ("sent"."identity", "sent"."queue", "sent"."answer", "sent"."handling", "sent"."request", "sent"."request_at", "sent"."first_request", "sent"."first_request_at", "sent"."applied_at");

-- Collation Precedence, SELECT, MERGE, Table hints, COLLATE, DATEADD, SYSUTCDATETIME
merge into "powersync_ledger" with (holdlock) using (select @1, @2, @3, @4, @5, dateadd(minute, @6, dateadd(microsecond, @7, sysutcdatetime())), @8, dateadd(minute, @9, dateadd(microsecond, @10, sysutcdatetime())), sysutcdatetime() from "powersync_devices" as device with (repeatableread, rowlock) where device.queue = @11 and device.unsettled = 0 and device.told = 0 ) as "sent" ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") on "powersync_ledger"."identity" = "sent"."identity" collate Latin1_General_BIN2 when not matched then insert ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") values ("sent"."identity", "sent"."queue", "sent"."answer", "sent"."handling", "sent"."request", "sent"."request_at", "sent"."first_request", "sent"."first_request_at", "sent"."applied_at");

-- Collation Precedence, MERGE, Table hints, Table value constructor, COLLATE
merge into "powersync_letter_rows" with (holdlock) using (values (@1, @2)) as "sent" ("hash", "letter") on "powersync_letter_rows"."hash" = "sent"."hash" collate Latin1_General_BIN2 and "powersync_letter_rows"."letter" = "sent"."letter" collate Latin1_General_BIN2 when not matched then insert ("hash", "letter") values ("sent"."hash", "sent"."letter");

-- SELECT
select "answer" from "powersync_ledger" where "identity" in (@1) and "handling" is null

-- SELECT, Table hints
select "answer", "request", "handling" from "powersync_ledger" with (updlock, rowlock) where "identity" = @1

-- SELECT
select "id", "attempts" from "powersync_dead_letters" where "open_content" = @1

-- SELECT, Table hints, CASE, DATEADD, SYSUTCDATETIME
select "position", case when told_at >= dateadd(minute, @1, dateadd(microsecond, @2, sysutcdatetime())) then 1 else 0 end as "telling" from "powersync_accounts" with (updlock, rowlock) where "place" = @3 and "subject" = @4

-- SELECT
select "unsettled", "told" from "powersync_devices" where "queue" = @1

-- Collation Precedence, Metadata Visibility Configuration, SELECT, FROM clause plus JOIN, APPLY, EXISTS, Set operators - UNION, COALESCE, CAST and CONVERT, COLLATE, CHARINDEX, CONCAT, OBJECT_ID, HAS_PERMS_BY_NAME, sys.columns, sys.objects, sys.triggers, sys.trigger_events, sys.indexes, sys.index_columns, sys.check_constraints, sys.default_constraints, sys.foreign_keys, sys.foreign_key_columns, sys.tables, sys.computed_columns, sys.security_predicates
select 'object' as kind, convert(nvarchar(max), o.type) collate database_default as name, convert(nvarchar(max), concat(coalesce(has_perms_by_name(@1, 'OBJECT', @2), 0), coalesce(has_perms_by_name(@3, 'OBJECT', @4), 0), coalesce(has_perms_by_name(@5, 'OBJECT', @6), 0))) collate database_default as detail, 0 as nr from sys.objects as o where o.object_id = object_id(@7) union all select 'column', convert(nvarchar(max), c.name) collate database_default, convert(nvarchar(max), concat(coalesce(has_perms_by_name(@8, 'OBJECT', @9, c.name, 'COLUMN'), 0), coalesce(has_perms_by_name(@10, 'OBJECT', @11, c.name, 'COLUMN'), 0))) collate database_default, 0 from sys.columns as c where c.object_id = object_id(@12) union all select 'trigger', convert(nvarchar(max), e.type_desc) collate database_default, null, 0 from sys.triggers as t join sys.trigger_events as e on e.object_id = t.object_id where t.parent_id = object_id(@13) and t.is_disabled = 0 union all select 'trigger', 'INSERT', null, 0 from sys.indexes as d where d.object_id = object_id(@14) and d.ignore_dup_key = 1 union all select 'unique', convert(nvarchar(max), i.name) collate database_default, convert(nvarchar(max), c.name) collate database_default, x.key_ordinal from sys.indexes as i join sys.index_columns as x on x.object_id = i.object_id and x.index_id = i.index_id and x.key_ordinal > 0 join sys.columns as c on c.object_id = x.object_id and c.column_id = x.column_id where i.object_id = object_id(@15) and i.is_unique = 1 and i.name is not null union all select 'check', convert(nvarchar(max), k.name) collate database_default, convert(nvarchar(max), k.definition) collate database_default, 0 from sys.check_constraints as k where k.parent_object_id = object_id(@16) union all select 'reference', convert(nvarchar(max), f.name) collate database_default, convert(nvarchar(max), c.name) collate database_default, x.constraint_column_id from sys.foreign_keys as f join sys.foreign_key_columns as x on x.constraint_object_id = f.object_id join sys.columns as c on c.object_id = x.parent_object_id and c.column_id = x.parent_column_id where f.parent_object_id = object_id(@17) union all select 'run', convert(nvarchar(max), c.name) collate database_default, null, 0 from sys.tables as t join sys.indexes as i on i.object_id = t.object_id and i.is_unique = 1 join sys.index_columns as x on x.object_id = i.object_id and x.index_id = i.index_id and x.key_ordinal > 0 join sys.columns as c on c.object_id = x.object_id and c.column_id = x.column_id where t.object_id = object_id(@18) and t.temporal_type = 0 and t.is_memory_optimized = 0 and not exists ( select 1 from sys.indexes as o where o.object_id = t.object_id and (o.type > 2 or o.has_filter = 1 or o.is_disabled = 1 or o.is_hypothetical = 1 or o.ignore_dup_key = 1) ) and not exists (select 1 from sys.columns as r where r.object_id = t.object_id and r.rule_object_id <> 0) and not exists ( select 1 from sys.foreign_keys as f where f.parent_object_id = t.object_id and f.referenced_object_id = t.object_id ) and not exists (select 1 from sys.check_constraints as k where k.parent_object_id = t.object_id and charindex('].', "k"."definition") > 0) and not exists (select 1 from sys.default_constraints as d where d.parent_object_id = t.object_id and charindex('].', "d"."definition") > 0) and not exists (select 1 from sys.computed_columns as m where m.object_id = t.object_id and charindex('].', "m"."definition") > 0) and not exists (select 1 from sys.security_predicates as p where p.target_object_id = t.object_id) order by kind, name, nr

-- SELECT, CAST and CONVERT, HASHBYTES
select 0 as "n", convert(varchar(64), hashbytes('SHA2_256', convert(varbinary(max), convert(nvarchar(max), "id"))), 2) as "t0", convert(varchar(64), hashbytes('SHA2_256', convert(varbinary(max), "data")), 2) as "t1", convert(varchar(64), hashbytes('SHA2_256', convert(varbinary(max), convert(nvarchar(64), "price", 2))), 2) as "t2" from "files" where "id" = @1

-- SELECT, Table hints
select 1 as "ok" from "files" with (updlock, serializable) where "id" = @1

-- SELECT, CASE, CAST and CONVERT
select 1 as "ok", case when "data" = convert(varbinary(max), @1, 2) and "price" = convert(money, @2) and 1 = 1 then 1 else 0 end as "same" from "files" where "id" = @3

-- Collation Precedence, Metadata Visibility Configuration, SELECT, FROM clause plus JOIN, APPLY, EXISTS, CASE, COALESCE, CAST and CONVERT, COLLATE, CHARINDEX, QUOTENAME, LOWER, OBJECT_ID, COLLATIONPROPERTY, sys.columns, sys.types, sys.check_constraints, sys.default_constraints
select c.name as name, coalesce(b.name, t.name, '') as type, c.max_length as size, c.precision as digits, c.scale as scale, c.collation_name as collation, convert(int, collationproperty(c.collation_name, 'CodePage')) as page, c.is_nullable as nullable, c.is_identity as counts, c.is_computed as computed, c.generated_always_type as period, c.default_object_id as [default], d.definition as defaulted, case when exists ( select 1 from sys.check_constraints as k where k.parent_object_id = c.object_id and charindex(lower('isjson(' + quotename(c.name)) collate Latin1_General_BIN2, lower(k.definition) collate Latin1_General_BIN2) > 0 ) then 1 else 0 end as json from sys.columns as c left join sys.types as t on t.user_type_id = c.user_type_id left join sys.types as b on b.user_type_id = c.system_type_id left join sys.default_constraints as d on d.object_id = c.default_object_id where c.object_id = object_id(@1) order by c.column_id

-- SELECT, EXISTS, CASE
select case when exists (select 1 as "one" from "powersync_dead_letters" as "open" where "open"."place" = @1 and "open"."subject" = @2 and "open"."status" in (@3, @4)) then 1 else 0 end as answer

-- SELECT, TOP, CASE, SUM
select sum(1) as "letters", sum("bytes") as "bytes", sum(case when "client_id" = @1 then 1 else 0 end) as "client_letters", sum(case when "client_id" = @2 then "bytes" else 0 end) as "client_bytes" from (select top(1000) "client_id", "bytes" + "chain_bytes" as "bytes" from "powersync_dead_letters" where "place" = @3 and "subject" = @4 and "status" in (@5, @6) and "root" is null) as "open"

-- UPDATE
update "files" set "data" = null, "price" = null where "id" = @1

-- conflicts

-- INSERT
insert into "lists" ("name", "created_at", "owner_id", "id") values (@1, @2, @3, @4)

-- INSERT
insert into "lost" ("table_name", "row_id", "user_id", "client_id", "operation", "base", "theirs", "yours", "created_at", "id") values (@1, @2, @3, @4, @5, @6, @7, @8, @9, @10)

-- INSERT
insert into "things" ("code", "big", "id") values (@1, @2, @3)

-- Collation Precedence, MERGE, Table hints, Table value constructor, COLLATE
merge into "powersync_accounts" with (holdlock) using (values (@1, @2, @3)) as "sent" ("place", "subject", "position") on "powersync_accounts"."place" = "sent"."place" collate Latin1_General_BIN2 and "powersync_accounts"."subject" = "sent"."subject" collate Latin1_General_BIN2 when matched then update set "position" = "powersync_accounts"."position" when not matched then insert ("place", "subject", "position") values ("sent"."place", "sent"."subject", "sent"."position");

-- Collation Precedence, MERGE, Table hints, Table value constructor, CASE, COLLATE, DATEADD, SYSUTCDATETIME
merge into "powersync_attempts" with (holdlock) using (values (@1, @2, sysutcdatetime(), sysutcdatetime())) as "sent" ("content", "attempts", "first_failed_at", "last_failed_at") on "powersync_attempts"."content" = "sent"."content" collate Latin1_General_BIN2 when matched then update set "attempts" = case when "powersync_attempts"."last_failed_at" < dateadd(minute, @3, dateadd(microsecond, @4, sysutcdatetime())) then 1 else "powersync_attempts"."attempts" + 1 end, "first_failed_at" = case when "powersync_attempts"."last_failed_at" < dateadd(minute, @5, dateadd(microsecond, @6, sysutcdatetime())) then sysutcdatetime() else "powersync_attempts"."first_failed_at" end, "previous_failed_at" = "powersync_attempts"."last_failed_at", "last_failed_at" = sysutcdatetime() when not matched then insert ("content", "attempts", "first_failed_at", "last_failed_at") values ("sent"."content", "sent"."attempts", "sent"."first_failed_at", "sent"."last_failed_at");

-- Collation Precedence, MERGE, Table hints, Table value constructor, COLLATE, SYSUTCDATETIME
merge into "powersync_dead_letters" with (holdlock) using (values (@1, @2, @3, sysutcdatetime(), @4, @5, @6, @7, @8, @9, @10, @11, @12, @13, @14, @15, @16, @17, @18)) as "sent" ("error_code", "message", "operation_index", "last_seen_at", "id", "user_id", "client_id", "queue_id", "identity", "payload", "bytes", "subject", "content", "open_content", "place", "principal", "row_hashes", "table_names", "lossy_numbers") on "powersync_dead_letters"."open_content" = "sent"."open_content" collate Latin1_General_BIN2 when matched then update set "error_code" = @19, "message" = @20, "operation_index" = @21, "last_seen_at" = sysutcdatetime(), "attempts" = "powersync_dead_letters"."attempts" + 1 when not matched then insert ("error_code", "message", "operation_index", "last_seen_at", "id", "user_id", "client_id", "queue_id", "identity", "payload", "bytes", "subject", "content", "open_content", "place", "principal", "row_hashes", "table_names", "lossy_numbers") values ("sent"."error_code", "sent"."message", "sent"."operation_index", "sent"."last_seen_at", "sent"."id", "sent"."user_id", "sent"."client_id", "sent"."queue_id", "sent"."identity", "sent"."payload", "sent"."bytes", "sent"."subject", "sent"."content", "sent"."open_content", "sent"."place", "sent"."principal", "sent"."row_hashes", "sent"."table_names", "sent"."lossy_numbers");

-- Collation Precedence, SELECT, MERGE, Table hints, TOP, COLLATE, COUNT
merge into "powersync_devices" with (holdlock) using (select @1, @2, @3, @4, @5 from (select count(*) as devices from (select top(1000) "device"."queue" from "powersync_devices" as "device" where "device"."place" = @6 and "device"."subject" = @7) as "known") as counted where counted.devices < 1000) as "sent" ("queue", "subject", "place", "unsettled", "told") on "powersync_devices"."queue" = "sent"."queue" collate Latin1_General_BIN2 when not matched then insert ("queue", "subject", "place", "unsettled", "told") values ("sent"."queue", "sent"."subject", "sent"."place", "sent"."unsettled", "sent"."told");

-- Collation Precedence, SELECT, MERGE, Table hints, COLLATE, DATEADD, SYSUTCDATETIME
merge into "powersync_ledger" with (holdlock) using (select @1, @2, @3, @4, @5, dateadd(minute, @6, dateadd(microsecond, @7, sysutcdatetime())), @8, dateadd(minute, @9, dateadd(microsecond, @10, sysutcdatetime())), @11 from "powersync_devices" as device with (repeatableread, rowlock) where device.queue = @12 and device.unsettled = 0 and device.told = 0 ) as "sent" ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") on "powersync_ledger"."identity" = "sent"."identity" collate Latin1_General_BIN2 when not matched then insert ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") values ("sent"."identity", "sent"."queue", "sent"."answer", "sent"."handling", "sent"."request", "sent"."request_at", "sent"."first_request", "sent"."first_request_at", "sent"."applied_at");

-- Collation Precedence, SELECT, MERGE, Table hints, COLLATE, DATEADD, SYSUTCDATETIME
merge into "powersync_ledger" with (holdlock) using (select @1, @2, @3, @4, @5, dateadd(minute, @6, dateadd(microsecond, @7, sysutcdatetime())), @8, dateadd(minute, @9, dateadd(microsecond, @10, sysutcdatetime())), sysutcdatetime() from "powersync_devices" as device where device.queue = @11 ) as "sent" ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") on "powersync_ledger"."identity" = "sent"."identity" collate Latin1_General_BIN2 when not matched then insert ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") values ("sent"."identity", "sent"."queue", "sent"."answer", "sent"."handling", "sent"."request", "sent"."request_at", "sent"."first_request", "sent"."first_request_at", "sent"."applied_at");

-- Collation Precedence, SELECT, MERGE, Table hints, COLLATE, DATEADD, SYSUTCDATETIME
merge into "powersync_ledger" with (holdlock) using (select @1, @2, @3, @4, @5, dateadd(minute, @6, dateadd(microsecond, @7, sysutcdatetime())), @8, dateadd(minute, @9, dateadd(microsecond, @10, sysutcdatetime())), sysutcdatetime() from "powersync_devices" as device with (repeatableread, rowlock) where device.queue = @11 and device.unsettled = 0 and device.told = 0 ) as "sent" ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") on "powersync_ledger"."identity" = "sent"."identity" collate Latin1_General_BIN2 when not matched then insert ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") values ("sent"."identity", "sent"."queue", "sent"."answer", "sent"."handling", "sent"."request", "sent"."request_at", "sent"."first_request", "sent"."first_request_at", "sent"."applied_at");

-- Collation Precedence, MERGE, Table hints, Table value constructor, COLLATE, SYSUTCDATETIME
merge into "powersync_versions" with (holdlock) using (values (@1, @2, @3, @4, @5, @6, sysutcdatetime())) as "sent" ("hash", "place", "writer", "subject", "version", "since", "written_at") on "powersync_versions"."hash" = "sent"."hash" collate Latin1_General_BIN2 when matched then update set "writer" = @7, "subject" = @8, "version" = @9, "since" = @10, "written_at" = sysutcdatetime() when not matched then insert ("hash", "place", "writer", "subject", "version", "since", "written_at") values ("sent"."hash", "sent"."place", "sent"."writer", "sent"."subject", "sent"."version", "sent"."since", "sent"."written_at");

-- SELECT
select "answer" from "powersync_ledger" where "identity" in (@1) and "handling" is null

-- SELECT, Table hints
select "answer", "request", "handling" from "powersync_ledger" with (updlock, rowlock) where "identity" = @1

-- SELECT
select "big" as "version" from "things" where "id" = @1

-- SELECT, EXISTS, DATEADD, SYSUTCDATETIME
select "failed"."content" from "powersync_attempts" as "failed" where "failed"."content" = @1 and "failed"."attempts" >= @2 and "failed"."first_failed_at" <= dateadd(minute, @3, dateadd(microsecond, @4, sysutcdatetime())) and exists (select "applied"."identity" from "powersync_ledger" as "applied" where "applied"."answered_at" > "failed"."previous_failed_at" and "applied"."applied_at" > "failed"."previous_failed_at")

-- SELECT, Table hints, CAST and CONVERT
select "id" as "id", "code" as "code", convert(varchar(41), "amount") as "amount", "size" as "size", "big" as "big", "parent_id" as "parent_id", "stock" as "stock", "doubled" as "doubled" from "things" with (updlock, rowlock) where "id" = @1

-- SELECT, Table hints
select "id" as "id", "name" as "name", "owner_id" as "owner_id", "created_at" as "created_at", "settings" as "settings", "labels" as "labels" from "lists" with (updlock, rowlock) where "id" = @1

-- SELECT
select "id", "attempts" from "powersync_dead_letters" where "open_content" = @1

-- SELECT, FROM clause plus JOIN, APPLY, COALESCE
select "made"."hash", "made"."letter", coalesce("waits"."root", "waits"."id") as "root" from "powersync_letter_rows" as "made" inner join "powersync_dead_letters" as "waits" on "waits"."id" = "made"."letter" where "made"."hash" in (@1, @2) and "waits"."place" = @3 and "waits"."status" in (@4, @5)

-- SELECT, Table hints, CASE, DATEADD, SYSUTCDATETIME
select "position", case when told_at >= dateadd(minute, @1, dateadd(microsecond, @2, sysutcdatetime())) then 1 else 0 end as "telling" from "powersync_accounts" with (updlock, rowlock) where "place" = @3 and "subject" = @4

-- SELECT
select "unsettled", "told" from "powersync_devices" where "queue" = @1

-- SELECT
select "writer", "version", "since" from "powersync_versions" where "hash" = @1

-- SELECT, Table hints
select "writer", "version", "since" from "powersync_versions" with (updlock, rowlock) where "hash" = @1

-- Collation Precedence, Metadata Visibility Configuration, SELECT, FROM clause plus JOIN, APPLY, EXISTS, Set operators - UNION, COALESCE, CAST and CONVERT, COLLATE, CHARINDEX, CONCAT, OBJECT_ID, HAS_PERMS_BY_NAME, sys.columns, sys.objects, sys.triggers, sys.trigger_events, sys.indexes, sys.index_columns, sys.check_constraints, sys.default_constraints, sys.foreign_keys, sys.foreign_key_columns, sys.tables, sys.computed_columns, sys.security_predicates
select 'object' as kind, convert(nvarchar(max), o.type) collate database_default as name, convert(nvarchar(max), concat(coalesce(has_perms_by_name(@1, 'OBJECT', @2), 0), coalesce(has_perms_by_name(@3, 'OBJECT', @4), 0), coalesce(has_perms_by_name(@5, 'OBJECT', @6), 0))) collate database_default as detail, 0 as nr from sys.objects as o where o.object_id = object_id(@7) union all select 'column', convert(nvarchar(max), c.name) collate database_default, convert(nvarchar(max), concat(coalesce(has_perms_by_name(@8, 'OBJECT', @9, c.name, 'COLUMN'), 0), coalesce(has_perms_by_name(@10, 'OBJECT', @11, c.name, 'COLUMN'), 0))) collate database_default, 0 from sys.columns as c where c.object_id = object_id(@12) union all select 'trigger', convert(nvarchar(max), e.type_desc) collate database_default, null, 0 from sys.triggers as t join sys.trigger_events as e on e.object_id = t.object_id where t.parent_id = object_id(@13) and t.is_disabled = 0 union all select 'trigger', 'INSERT', null, 0 from sys.indexes as d where d.object_id = object_id(@14) and d.ignore_dup_key = 1 union all select 'unique', convert(nvarchar(max), i.name) collate database_default, convert(nvarchar(max), c.name) collate database_default, x.key_ordinal from sys.indexes as i join sys.index_columns as x on x.object_id = i.object_id and x.index_id = i.index_id and x.key_ordinal > 0 join sys.columns as c on c.object_id = x.object_id and c.column_id = x.column_id where i.object_id = object_id(@15) and i.is_unique = 1 and i.name is not null union all select 'check', convert(nvarchar(max), k.name) collate database_default, convert(nvarchar(max), k.definition) collate database_default, 0 from sys.check_constraints as k where k.parent_object_id = object_id(@16) union all select 'reference', convert(nvarchar(max), f.name) collate database_default, convert(nvarchar(max), c.name) collate database_default, x.constraint_column_id from sys.foreign_keys as f join sys.foreign_key_columns as x on x.constraint_object_id = f.object_id join sys.columns as c on c.object_id = x.parent_object_id and c.column_id = x.parent_column_id where f.parent_object_id = object_id(@17) union all select 'run', convert(nvarchar(max), c.name) collate database_default, null, 0 from sys.tables as t join sys.indexes as i on i.object_id = t.object_id and i.is_unique = 1 join sys.index_columns as x on x.object_id = i.object_id and x.index_id = i.index_id and x.key_ordinal > 0 join sys.columns as c on c.object_id = x.object_id and c.column_id = x.column_id where t.object_id = object_id(@18) and t.temporal_type = 0 and t.is_memory_optimized = 0 and not exists ( select 1 from sys.indexes as o where o.object_id = t.object_id and (o.type > 2 or o.has_filter = 1 or o.is_disabled = 1 or o.is_hypothetical = 1 or o.ignore_dup_key = 1) ) and not exists (select 1 from sys.columns as r where r.object_id = t.object_id and r.rule_object_id <> 0) and not exists ( select 1 from sys.foreign_keys as f where f.parent_object_id = t.object_id and f.referenced_object_id = t.object_id ) and not exists (select 1 from sys.check_constraints as k where k.parent_object_id = t.object_id and charindex('].', "k"."definition") > 0) and not exists (select 1 from sys.default_constraints as d where d.parent_object_id = t.object_id and charindex('].', "d"."definition") > 0) and not exists (select 1 from sys.computed_columns as m where m.object_id = t.object_id and charindex('].', "m"."definition") > 0) and not exists (select 1 from sys.security_predicates as p where p.target_object_id = t.object_id) order by kind, name, nr

-- SELECT, CAST and CONVERT, HASHBYTES
select 0 as "n", convert(varchar(64), hashbytes('SHA2_256', convert(varbinary(max), convert(nvarchar(max), "id"))), 2) as "t0", convert(varchar(64), hashbytes('SHA2_256', convert(varbinary(max), convert(nvarchar(max), "code"))), 2) as "t1", convert(varchar(64), hashbytes('SHA2_256', convert(varbinary(max), convert(nvarchar(max), "amount"))), 2) as "t2", convert(varchar(64), hashbytes('SHA2_256', convert(varbinary(max), convert(nvarchar(max), "size"))), 2) as "t3", convert(varchar(64), hashbytes('SHA2_256', convert(varbinary(max), convert(nvarchar(max), "big"))), 2) as "t4", convert(varchar(64), hashbytes('SHA2_256', convert(varbinary(max), convert(nvarchar(max), "parent_id"))), 2) as "t5", convert(varchar(64), hashbytes('SHA2_256', convert(varbinary(max), convert(nvarchar(max), "stock"))), 2) as "t6", convert(varchar(64), hashbytes('SHA2_256', convert(varbinary(max), convert(nvarchar(max), "doubled"))), 2) as "t7" from "things" where "id" = @1

-- SELECT, Table hints
select 1 as "ok" from "lost" with (updlock, serializable) where "id" = @1

-- SELECT, Table hints
select 1 as "ok" from "things" with (updlock, serializable) where "id" = @1

-- Collation Precedence, Metadata Visibility Configuration, SELECT, FROM clause plus JOIN, APPLY, EXISTS, CASE, COALESCE, CAST and CONVERT, COLLATE, CHARINDEX, QUOTENAME, LOWER, OBJECT_ID, COLLATIONPROPERTY, sys.columns, sys.types, sys.check_constraints, sys.default_constraints
select c.name as name, coalesce(b.name, t.name, '') as type, c.max_length as size, c.precision as digits, c.scale as scale, c.collation_name as collation, convert(int, collationproperty(c.collation_name, 'CodePage')) as page, c.is_nullable as nullable, c.is_identity as counts, c.is_computed as computed, c.generated_always_type as period, c.default_object_id as [default], d.definition as defaulted, case when exists ( select 1 from sys.check_constraints as k where k.parent_object_id = c.object_id and charindex(lower('isjson(' + quotename(c.name)) collate Latin1_General_BIN2, lower(k.definition) collate Latin1_General_BIN2) > 0 ) then 1 else 0 end as json from sys.columns as c left join sys.types as t on t.user_type_id = c.user_type_id left join sys.types as b on b.user_type_id = c.system_type_id left join sys.default_constraints as d on d.object_id = c.default_object_id where c.object_id = object_id(@1) order by c.column_id

-- SELECT, Table hints, CASE
select case when (("things"."big" = @1) or ("things"."big" = @2) or 1 = 0) then 1 else 0 end as "g0" from "things" with (updlock, serializable) where "id" = @3

-- SELECT, Table hints, CASE
select case when (("things"."big" = @1) or 1 = 0) then 1 else 0 end as "g0" from "things" with (updlock, serializable) where "id" = @2

-- SELECT, Table hints, CASE, CAST and CONVERT
select case when ((convert(varbinary(max), convert(nvarchar(max), "things"."code")) = convert(varbinary(max), convert(nvarchar(max), @1))) or 1 = 0) then 1 else 0 end as "g0" from "things" with (updlock, serializable) where "id" = @2

-- SELECT, Table hints, CASE
select case when case when "lists"."created_at" > @1 then 0 else 1 end = 1 then 1 else 0 end as "g0" from "lists" with (updlock, serializable) where "id" = @2

-- Precision scale and length, SELECT, Table hints, CASE, ISNULL, CAST and CONVERT
select case when case when ((convert(decimal(38, 0), isnull("things"."size", 0)) + (convert(decimal(38, 0), @1) - convert(decimal(38, 0), @2))) < convert(decimal(38, 0), @3) and convert(decimal(38, 0), @4) < convert(decimal(38, 0), @5)) then 0 else 1 end = 1 then 1 else 0 end as "g0" from "things" with (updlock, serializable) where "id" = @6

-- SELECT, CASE, CAST and CONVERT
select case when convert(varbinary(max), convert(nvarchar(max), "lists"."owner_id")) = convert(varbinary(max), convert(nvarchar(max), @1)) then 1 else 0 end as "ok" from "lists" where "id" = @2

-- SELECT, Table hints, CASE, CAST and CONVERT
select case when convert(varbinary(max), convert(nvarchar(max), "lists"."owner_id")) = convert(varbinary(max), convert(nvarchar(max), @1)) then 1 else 0 end as "ok" from "lists" with (updlock, serializable) where "id" = @2

-- SELECT, EXISTS, CASE
select case when exists (select 1 as "one" from "powersync_dead_letters" as "open" where "open"."place" = @1 and "open"."subject" = @2 and "open"."status" in (@3, @4)) then 1 else 0 end as answer

-- SELECT, TOP, CASE, SUM
select sum(1) as "letters", sum("bytes") as "bytes", sum(case when "client_id" = @1 then 1 else 0 end) as "client_letters", sum(case when "client_id" = @2 then "bytes" else 0 end) as "client_bytes" from (select top(1000) "client_id", "bytes" + "chain_bytes" as "bytes" from "powersync_dead_letters" where "place" = @3 and "subject" = @4 and "status" in (@5, @6) and "root" is null) as "open"

-- UPDATE, COALESCE
update "things" set "code" = @1, "big" = coalesce("things"."big", 0) + 1 where "id" = @2 and (("things"."big" = @3) or ("things"."big" = @4) or 1 = 0)

-- Precision scale and length, UPDATE, CASE, CAST and CONVERT
update "things" set "size" = case when "things"."size" >= convert(decimal(38, 0), @1) then "things"."size" else convert(decimal(38, 0), @2) end where "id" = @3

-- dead letters

-- DELETE
delete from "powersync_letter_parts" where "letter" in (@1) and "original" = @2

-- DELETE
delete from "powersync_letter_rows" where "hash" in (@1) and "letter" in (@2)

-- DELETE
delete from "powersync_letter_rows" where "letter" in (@1)

-- DELETE
delete from "powersync_letter_rows" where "letter" in (@1, @2)

-- DELETE
delete from "powersync_letter_rows" where "letter" in (@1, @2, @3)

-- INSERT
insert into "things" ("size", "id") values (@1, @2)

-- Collation Precedence, MERGE, Table hints, Table value constructor, COLLATE
merge into "powersync_accounts" with (holdlock) using (values (@1, @2, @3)) as "sent" ("place", "subject", "position") on "powersync_accounts"."place" = "sent"."place" collate Latin1_General_BIN2 and "powersync_accounts"."subject" = "sent"."subject" collate Latin1_General_BIN2 when matched then update set "position" = "powersync_accounts"."position" when not matched then insert ("place", "subject", "position") values ("sent"."place", "sent"."subject", "sent"."position");

-- Collation Precedence, MERGE, Table hints, Table value constructor, COLLATE, SYSUTCDATETIME
merge into "powersync_dead_letters" with (holdlock) using (values (@1, @2, @3, sysutcdatetime(), @4, @5, @6, @7, @8, @9, @10, @11, @12, @13, @14, @15, @16, @17, @18)) as "sent" ("error_code", "message", "operation_index", "last_seen_at", "id", "user_id", "client_id", "queue_id", "identity", "payload", "bytes", "subject", "content", "open_content", "place", "principal", "row_hashes", "table_names", "lossy_numbers") on "powersync_dead_letters"."open_content" = "sent"."open_content" collate Latin1_General_BIN2 when matched then update set "error_code" = @19, "message" = @20, "operation_index" = @21, "last_seen_at" = sysutcdatetime(), "attempts" = "powersync_dead_letters"."attempts" + 1 when not matched then insert ("error_code", "message", "operation_index", "last_seen_at", "id", "user_id", "client_id", "queue_id", "identity", "payload", "bytes", "subject", "content", "open_content", "place", "principal", "row_hashes", "table_names", "lossy_numbers") values ("sent"."error_code", "sent"."message", "sent"."operation_index", "sent"."last_seen_at", "sent"."id", "sent"."user_id", "sent"."client_id", "sent"."queue_id", "sent"."identity", "sent"."payload", "sent"."bytes", "sent"."subject", "sent"."content", "sent"."open_content", "sent"."place", "sent"."principal", "sent"."row_hashes", "sent"."table_names", "sent"."lossy_numbers");

-- Collation Precedence, MERGE, Table hints, Table value constructor, COLLATE, SYSUTCDATETIME
merge into "powersync_dead_letters" with (holdlock) using (values (@1, @2, @3, sysutcdatetime(), @4, @5, @6, @7, @8, @9, @10, @11, @12, @13, @14, @15, @16, @17, @18, @19, @20)) as "sent" ("error_code", "message", "operation_index", "last_seen_at", "id", "user_id", "client_id", "queue_id", "identity", "payload", "bytes", "subject", "content", "open_content", "place", "principal", "row_hashes", "table_names", "lossy_numbers", "root", "chain_position") on "powersync_dead_letters"."open_content" = "sent"."open_content" collate Latin1_General_BIN2 when matched then update set "error_code" = @21, "message" = @22, "operation_index" = @23, "last_seen_at" = sysutcdatetime(), "attempts" = "powersync_dead_letters"."attempts" + 1 when not matched then insert ("error_code", "message", "operation_index", "last_seen_at", "id", "user_id", "client_id", "queue_id", "identity", "payload", "bytes", "subject", "content", "open_content", "place", "principal", "row_hashes", "table_names", "lossy_numbers", "root", "chain_position") values ("sent"."error_code", "sent"."message", "sent"."operation_index", "sent"."last_seen_at", "sent"."id", "sent"."user_id", "sent"."client_id", "sent"."queue_id", "sent"."identity", "sent"."payload", "sent"."bytes", "sent"."subject", "sent"."content", "sent"."open_content", "sent"."place", "sent"."principal", "sent"."row_hashes", "sent"."table_names", "sent"."lossy_numbers", "sent"."root", "sent"."chain_position");

-- Collation Precedence, SELECT, MERGE, Table hints, TOP, COLLATE, COUNT
merge into "powersync_devices" with (holdlock) using (select @1, @2, @3, @4, @5 from (select count(*) as devices from (select top(1000) "device"."queue" from "powersync_devices" as "device" where "device"."place" = @6 and "device"."subject" = @7) as "known") as counted where counted.devices < 1000) as "sent" ("queue", "subject", "place", "unsettled", "told") on "powersync_devices"."queue" = "sent"."queue" collate Latin1_General_BIN2 when not matched then insert ("queue", "subject", "place", "unsettled", "told") values ("sent"."queue", "sent"."subject", "sent"."place", "sent"."unsettled", "sent"."told");

-- Collation Precedence, SELECT, MERGE, Table hints, COLLATE, DATEADD, SYSUTCDATETIME
merge into "powersync_ledger" with (holdlock) using (select @1, @2, @3, @4, @5, dateadd(minute, @6, dateadd(microsecond, @7, sysutcdatetime())), @8, dateadd(minute, @9, dateadd(microsecond, @10, sysutcdatetime())), @11 from "powersync_devices" as device where device.queue = @12 ) as "sent" ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") on "powersync_ledger"."identity" = "sent"."identity" collate Latin1_General_BIN2 when not matched then insert ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") values ("sent"."identity", "sent"."queue", "sent"."answer", "sent"."handling", "sent"."request", "sent"."request_at", "sent"."first_request", "sent"."first_request_at", "sent"."applied_at");

-- Collation Precedence, SELECT, MERGE, Table hints, COLLATE, DATEADD, SYSUTCDATETIME
merge into "powersync_ledger" with (holdlock) using (select @1, @2, @3, @4, @5, dateadd(minute, @6, dateadd(microsecond, @7, sysutcdatetime())), @8, dateadd(minute, @9, dateadd(microsecond, @10, sysutcdatetime())), @11 from "powersync_devices" as device with (repeatableread, rowlock) where device.queue = @12 and device.unsettled = 0 and device.told = 0 ) as "sent" ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") on "powersync_ledger"."identity" = "sent"."identity" collate Latin1_General_BIN2 when not matched then insert ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") values ("sent"."identity", "sent"."queue", "sent"."answer", "sent"."handling", "sent"."request", "sent"."request_at", "sent"."first_request", "sent"."first_request_at", "sent"."applied_at");

-- Collation Precedence, SELECT, MERGE, Table hints, COLLATE, DATEADD, SYSUTCDATETIME
merge into "powersync_ledger" with (holdlock) using (select @1, @2, @3, @4, @5, dateadd(minute, @6, dateadd(microsecond, @7, sysutcdatetime())), @8, dateadd(minute, @9, dateadd(microsecond, @10, sysutcdatetime())), sysutcdatetime() from "powersync_devices" as device where device.queue = @11 ) as "sent" ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") on "powersync_ledger"."identity" = "sent"."identity" collate Latin1_General_BIN2 when not matched then insert ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") values ("sent"."identity", "sent"."queue", "sent"."answer", "sent"."handling", "sent"."request", "sent"."request_at", "sent"."first_request", "sent"."first_request_at", "sent"."applied_at");

-- Collation Precedence, SELECT, MERGE, Table hints, COLLATE, DATEADD, SYSUTCDATETIME
merge into "powersync_ledger" with (holdlock) using (select @1, @2, @3, @4, @5, dateadd(minute, @6, dateadd(microsecond, @7, sysutcdatetime())), @8, dateadd(minute, @9, dateadd(microsecond, @10, sysutcdatetime())), sysutcdatetime() from "powersync_devices" as device with (repeatableread, rowlock) where device.queue = @11 and device.unsettled = 0 and device.told = 0 ) as "sent" ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") on "powersync_ledger"."identity" = "sent"."identity" collate Latin1_General_BIN2 when not matched then insert ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") values ("sent"."identity", "sent"."queue", "sent"."answer", "sent"."handling", "sent"."request", "sent"."request_at", "sent"."first_request", "sent"."first_request_at", "sent"."applied_at");

-- Collation Precedence, MERGE, Table hints, Table value constructor, COLLATE
merge into "powersync_letter_rows" with (holdlock) using (values (@1, @2)) as "sent" ("hash", "letter") on "powersync_letter_rows"."hash" = "sent"."hash" collate Latin1_General_BIN2 and "powersync_letter_rows"."letter" = "sent"."letter" collate Latin1_General_BIN2 when not matched then insert ("hash", "letter") values ("sent"."hash", "sent"."letter");

-- SELECT
select "answer" from "powersync_ledger" where "identity" in (@1) and "handling" is null

-- SELECT, Table hints
select "answer", "request", "handling" from "powersync_ledger" with (updlock, rowlock) where "identity" = @1

-- SELECT, Table hints
select "chain_last", "chain_bytes" from "powersync_dead_letters" with (updlock, rowlock) where "place" = @1 and "id" = @2 and "root" is null and "status" in (@3, @4)

-- SELECT, Table hints
select "chain_last", "content" from "powersync_dead_letters" with (updlock, rowlock) where "id" = @1

-- SELECT
select "chain_position" as "at" from "powersync_dead_letters" where "id" = @1

-- SELECT, Table hints
select "id" from "powersync_dead_letters" with (updlock, rowlock) where "id" in (@1) order by "id"

-- SELECT, Table hints
select "id" from "powersync_dead_letters" with (updlock, rowlock) where "place" = @1 and "id" in (@2) and "status" in (@3, @4) order by "id"

-- SELECT
select "id", "attempts" from "powersync_dead_letters" where "open_content" = @1

-- SELECT
select "id", "root" from "powersync_dead_letters" where "root" in (@1) and "status" in (@2, @3) order by "root", "chain_position"

-- SELECT, Table hints
select "id", "root" from "powersync_dead_letters" with (updlock, rowlock) where "root" in (@1) and "status" in (@2, @3) order by "root", "chain_position"

-- SELECT, CASE, CAST and CONVERT, REPLACE, COUNT
select "id", "status", "error_code", "message", "operation_index", "user_id", "client_id", "queue_id", "identity", "attempts", "table_names", "reason", "root", replace(convert(varchar(27), "created_at", 121), ' ', 'T') + 'Z' as "first_seen", replace(convert(varchar(27), "last_seen_at", 121), ' ', 'T') + 'Z' as "last_seen", replace(convert(varchar(27), "closed_at", 121), ' ', 'T') + 'Z' as "closed", case when "original_payload" is null then 0 else 1 end as "edited", (select count(*) as "count" from "powersync_dead_letters" as "dependant" where "dependant"."root" = "powersync_dead_letters"."id" and "dependant"."status" in (@1, @2)) as "dependants", "payload", "original_payload", "principal", "row_hashes", "lossy_numbers", "overtaken" from "powersync_dead_letters" where "place" = @3 and "id" = @4

-- SELECT, Table hints, CASE, CAST and CONVERT, REPLACE, COUNT
select "id", "status", "error_code", "message", "operation_index", "user_id", "client_id", "queue_id", "identity", "attempts", "table_names", "reason", "root", replace(convert(varchar(27), "created_at", 121), ' ', 'T') + 'Z' as "first_seen", replace(convert(varchar(27), "last_seen_at", 121), ' ', 'T') + 'Z' as "last_seen", replace(convert(varchar(27), "closed_at", 121), ' ', 'T') + 'Z' as "closed", case when "original_payload" is null then 0 else 1 end as "edited", (select count(*) as "count" from "powersync_dead_letters" as "dependant" where "dependant"."root" = "powersync_dead_letters"."id" and "dependant"."status" in (@1, @2)) as "dependants", "payload", "original_payload", "principal", "row_hashes", "lossy_numbers", "overtaken" from "powersync_dead_letters" with (updlock, rowlock) where "place" = @3 and "id" = @4

-- SELECT, FROM clause plus JOIN, APPLY, COALESCE
select "made"."hash", "made"."letter", coalesce("waits"."root", "waits"."id") as "root" from "powersync_letter_rows" as "made" inner join "powersync_dead_letters" as "waits" on "waits"."id" = "made"."letter" where "made"."hash" in (@1, @2) and "waits"."place" = @3 and "waits"."status" in (@4, @5)

-- SELECT, FROM clause plus JOIN, APPLY, COALESCE, MIN
select "made"."hash", min(coalesce("waits"."root", "waits"."id")) as "oldest" from "powersync_letter_rows" as "made" inner join "powersync_dead_letters" as "waits" on "waits"."id" = "made"."letter" where "made"."hash" in (@1, @2, @3, @4) and "waits"."place" = @5 and "waits"."status" in (@6, @7) group by "made"."hash"

-- SELECT, Table hints, CASE, DATEADD, SYSUTCDATETIME
select "position", case when told_at >= dateadd(minute, @1, dateadd(microsecond, @2, sysutcdatetime())) then 1 else 0 end as "telling" from "powersync_accounts" with (updlock, rowlock) where "place" = @3 and "subject" = @4

-- SELECT
select "unsettled", "told" from "powersync_devices" where "queue" = @1

-- Collation Precedence, Metadata Visibility Configuration, SELECT, FROM clause plus JOIN, APPLY, EXISTS, Set operators - UNION, COALESCE, CAST and CONVERT, COLLATE, CHARINDEX, CONCAT, OBJECT_ID, HAS_PERMS_BY_NAME, sys.columns, sys.objects, sys.triggers, sys.trigger_events, sys.indexes, sys.index_columns, sys.check_constraints, sys.default_constraints, sys.foreign_keys, sys.foreign_key_columns, sys.tables, sys.computed_columns, sys.security_predicates
select 'object' as kind, convert(nvarchar(max), o.type) collate database_default as name, convert(nvarchar(max), concat(coalesce(has_perms_by_name(@1, 'OBJECT', @2), 0), coalesce(has_perms_by_name(@3, 'OBJECT', @4), 0), coalesce(has_perms_by_name(@5, 'OBJECT', @6), 0))) collate database_default as detail, 0 as nr from sys.objects as o where o.object_id = object_id(@7) union all select 'column', convert(nvarchar(max), c.name) collate database_default, convert(nvarchar(max), concat(coalesce(has_perms_by_name(@8, 'OBJECT', @9, c.name, 'COLUMN'), 0), coalesce(has_perms_by_name(@10, 'OBJECT', @11, c.name, 'COLUMN'), 0))) collate database_default, 0 from sys.columns as c where c.object_id = object_id(@12) union all select 'trigger', convert(nvarchar(max), e.type_desc) collate database_default, null, 0 from sys.triggers as t join sys.trigger_events as e on e.object_id = t.object_id where t.parent_id = object_id(@13) and t.is_disabled = 0 union all select 'trigger', 'INSERT', null, 0 from sys.indexes as d where d.object_id = object_id(@14) and d.ignore_dup_key = 1 union all select 'unique', convert(nvarchar(max), i.name) collate database_default, convert(nvarchar(max), c.name) collate database_default, x.key_ordinal from sys.indexes as i join sys.index_columns as x on x.object_id = i.object_id and x.index_id = i.index_id and x.key_ordinal > 0 join sys.columns as c on c.object_id = x.object_id and c.column_id = x.column_id where i.object_id = object_id(@15) and i.is_unique = 1 and i.name is not null union all select 'check', convert(nvarchar(max), k.name) collate database_default, convert(nvarchar(max), k.definition) collate database_default, 0 from sys.check_constraints as k where k.parent_object_id = object_id(@16) union all select 'reference', convert(nvarchar(max), f.name) collate database_default, convert(nvarchar(max), c.name) collate database_default, x.constraint_column_id from sys.foreign_keys as f join sys.foreign_key_columns as x on x.constraint_object_id = f.object_id join sys.columns as c on c.object_id = x.parent_object_id and c.column_id = x.parent_column_id where f.parent_object_id = object_id(@17) union all select 'run', convert(nvarchar(max), c.name) collate database_default, null, 0 from sys.tables as t join sys.indexes as i on i.object_id = t.object_id and i.is_unique = 1 join sys.index_columns as x on x.object_id = i.object_id and x.index_id = i.index_id and x.key_ordinal > 0 join sys.columns as c on c.object_id = x.object_id and c.column_id = x.column_id where t.object_id = object_id(@18) and t.temporal_type = 0 and t.is_memory_optimized = 0 and not exists ( select 1 from sys.indexes as o where o.object_id = t.object_id and (o.type > 2 or o.has_filter = 1 or o.is_disabled = 1 or o.is_hypothetical = 1 or o.ignore_dup_key = 1) ) and not exists (select 1 from sys.columns as r where r.object_id = t.object_id and r.rule_object_id <> 0) and not exists ( select 1 from sys.foreign_keys as f where f.parent_object_id = t.object_id and f.referenced_object_id = t.object_id ) and not exists (select 1 from sys.check_constraints as k where k.parent_object_id = t.object_id and charindex('].', "k"."definition") > 0) and not exists (select 1 from sys.default_constraints as d where d.parent_object_id = t.object_id and charindex('].', "d"."definition") > 0) and not exists (select 1 from sys.computed_columns as m where m.object_id = t.object_id and charindex('].', "m"."definition") > 0) and not exists (select 1 from sys.security_predicates as p where p.target_object_id = t.object_id) order by kind, name, nr

-- SELECT, CAST and CONVERT, HASHBYTES
select 0 as "n", convert(varchar(64), hashbytes('SHA2_256', convert(varbinary(max), convert(nvarchar(max), "id"))), 2) as "t0" from "things" where "id" = @1

-- SELECT, CAST and CONVERT, HASHBYTES
select 0 as "n", convert(varchar(64), hashbytes('SHA2_256', convert(varbinary(max), convert(nvarchar(max), "id"))), 2) as "t0", convert(varchar(64), hashbytes('SHA2_256', convert(varbinary(max), convert(nvarchar(max), "code"))), 2) as "t1", convert(varchar(64), hashbytes('SHA2_256', convert(varbinary(max), convert(nvarchar(max), "amount"))), 2) as "t2", convert(varchar(64), hashbytes('SHA2_256', convert(varbinary(max), convert(nvarchar(max), "size"))), 2) as "t3", convert(varchar(64), hashbytes('SHA2_256', convert(varbinary(max), convert(nvarchar(max), "big"))), 2) as "t4", convert(varchar(64), hashbytes('SHA2_256', convert(varbinary(max), convert(nvarchar(max), "parent_id"))), 2) as "t5", convert(varchar(64), hashbytes('SHA2_256', convert(varbinary(max), convert(nvarchar(max), "stock"))), 2) as "t6", convert(varchar(64), hashbytes('SHA2_256', convert(varbinary(max), convert(nvarchar(max), "doubled"))), 2) as "t7" from "things" where "id" = @1

-- SELECT, Table hints
select 1 as "ok" from "things" with (updlock, serializable) where "id" = @1

-- Collation Precedence, Metadata Visibility Configuration, SELECT, FROM clause plus JOIN, APPLY, EXISTS, CASE, COALESCE, CAST and CONVERT, COLLATE, CHARINDEX, QUOTENAME, LOWER, OBJECT_ID, COLLATIONPROPERTY, sys.columns, sys.types, sys.check_constraints, sys.default_constraints
select c.name as name, coalesce(b.name, t.name, '') as type, c.max_length as size, c.precision as digits, c.scale as scale, c.collation_name as collation, convert(int, collationproperty(c.collation_name, 'CodePage')) as page, c.is_nullable as nullable, c.is_identity as counts, c.is_computed as computed, c.generated_always_type as period, c.default_object_id as [default], d.definition as defaulted, case when exists ( select 1 from sys.check_constraints as k where k.parent_object_id = c.object_id and charindex(lower('isjson(' + quotename(c.name)) collate Latin1_General_BIN2, lower(k.definition) collate Latin1_General_BIN2) > 0 ) then 1 else 0 end as json from sys.columns as c left join sys.types as t on t.user_type_id = c.user_type_id left join sys.types as b on b.user_type_id = c.system_type_id left join sys.default_constraints as d on d.object_id = c.default_object_id where c.object_id = object_id(@1) order by c.column_id

-- SELECT, EXISTS, CASE
select case when exists (select 1 as "one" from "powersync_dead_letters" as "open" where "open"."place" = @1 and "open"."subject" = @2 and "open"."status" in (@3, @4)) then 1 else 0 end as answer

-- SELECT, MAX
select max("chain_position") as "at" from "powersync_dead_letters" where "root" = @1

-- SELECT, TOP, CASE, SUM
select sum(1) as "letters", sum("bytes") as "bytes", sum(case when "client_id" = @1 then 1 else 0 end) as "client_letters", sum(case when "client_id" = @2 then "bytes" else 0 end) as "client_bytes" from (select top(1000) "client_id", "bytes" + "chain_bytes" as "bytes" from "powersync_dead_letters" where "place" = @3 and "subject" = @4 and "status" in (@5, @6) and "root" is null) as "open"

-- SELECT, Table hints, TOP
select top(1) "id", "content", "status" from "powersync_dead_letters" with (updlock, rowlock) where "root" = @1 order by "chain_position" desc

-- SELECT, TOP, CASE, CAST and CONVERT, REPLACE, COUNT
select top(100) "id", "status", "error_code", "message", "operation_index", "user_id", "client_id", "queue_id", "identity", "attempts", "table_names", "reason", "root", replace(convert(varchar(27), "created_at", 121), ' ', 'T') + 'Z' as "first_seen", replace(convert(varchar(27), "last_seen_at", 121), ' ', 'T') + 'Z' as "last_seen", replace(convert(varchar(27), "closed_at", 121), ' ', 'T') + 'Z' as "closed", case when "original_payload" is null then 0 else 1 end as "edited", (select count(*) as "count" from "powersync_dead_letters" as "dependant" where "dependant"."root" = "powersync_dead_letters"."id" and "dependant"."status" in (@1, @2)) as "dependants" from "powersync_dead_letters" where "place" = @3 and "status" in (@4, @5) order by "created_at" asc, "id" asc

-- SELECT, TOP, CASE, CAST and CONVERT, REPLACE, COUNT
select top(100) "id", "status", "error_code", "message", "operation_index", "user_id", "client_id", "queue_id", "identity", "attempts", "table_names", "reason", "root", replace(convert(varchar(27), "created_at", 121), ' ', 'T') + 'Z' as "first_seen", replace(convert(varchar(27), "last_seen_at", 121), ' ', 'T') + 'Z' as "last_seen", replace(convert(varchar(27), "closed_at", 121), ' ', 'T') + 'Z' as "closed", case when "original_payload" is null then 0 else 1 end as "edited", (select count(*) as "count" from "powersync_dead_letters" as "dependant" where "dependant"."root" = "powersync_dead_letters"."id" and "dependant"."status" in (@1, @2)) as "dependants" from "powersync_dead_letters" where "place" = @3 and 1 = 1 order by "created_at" asc, "id" asc

-- SELECT, TOP, CASE, CAST and CONVERT, REPLACE, COUNT
select top(11) "id", "status", "error_code", "message", "operation_index", "user_id", "client_id", "queue_id", "identity", "attempts", "table_names", "reason", "root", replace(convert(varchar(27), "created_at", 121), ' ', 'T') + 'Z' as "first_seen", replace(convert(varchar(27), "last_seen_at", 121), ' ', 'T') + 'Z' as "last_seen", replace(convert(varchar(27), "closed_at", 121), ' ', 'T') + 'Z' as "closed", case when "original_payload" is null then 0 else 1 end as "edited", (select count(*) as "count" from "powersync_dead_letters" as "dependant" where "dependant"."root" = "powersync_dead_letters"."id" and "dependant"."status" in (@1, @2)) as "dependants" from "powersync_dead_letters" where "place" = @3 and 1 = 1 order by "created_at" desc, "id" desc

-- SELECT, TOP, CASE, CAST and CONVERT, REPLACE, COUNT
select top(2) "id", "status", "error_code", "message", "operation_index", "user_id", "client_id", "queue_id", "identity", "attempts", "table_names", "reason", "root", replace(convert(varchar(27), "created_at", 121), ' ', 'T') + 'Z' as "first_seen", replace(convert(varchar(27), "last_seen_at", 121), ' ', 'T') + 'Z' as "last_seen", replace(convert(varchar(27), "closed_at", 121), ' ', 'T') + 'Z' as "closed", case when "original_payload" is null then 0 else 1 end as "edited", (select count(*) as "count" from "powersync_dead_letters" as "dependant" where "dependant"."root" = "powersync_dead_letters"."id" and "dependant"."status" in (@1, @2)) as "dependants" from "powersync_dead_letters" where "place" = @3 and ("subject" = @4 and "error_code" = @5 and replace("table_names", @6, '') <> "table_names") order by "created_at" desc, "id" desc

-- SELECT, TOP, CASE, CAST and CONVERT, REPLACE, COUNT
select top(51) "id", "status", "error_code", "message", "operation_index", "user_id", "client_id", "queue_id", "identity", "attempts", "table_names", "reason", "root", replace(convert(varchar(27), "created_at", 121), ' ', 'T') + 'Z' as "first_seen", replace(convert(varchar(27), "last_seen_at", 121), ' ', 'T') + 'Z' as "last_seen", replace(convert(varchar(27), "closed_at", 121), ' ', 'T') + 'Z' as "closed", case when "original_payload" is null then 0 else 1 end as "edited", (select count(*) as "count" from "powersync_dead_letters" as "dependant" where "dependant"."root" = "powersync_dead_letters"."id" and "dependant"."status" in (@1, @2)) as "dependants" from "powersync_dead_letters" where "place" = @3 and "status" in (@4) order by "created_at" desc, "id" desc

-- UPDATE, SYSUTCDATETIME
update "powersync_dead_letters" set "attempts" = "attempts" + 1, "last_seen_at" = sysutcdatetime(), "error_code" = @1, "message" = @2, "operation_index" = @3 where "id" in (@4) and "status" in (@5, @6)

-- UPDATE
update "powersync_dead_letters" set "chain_last" = @1, "chain_bytes" = "chain_bytes" + @2, "open_content" = @3 where "id" = @4

-- UPDATE
update "powersync_dead_letters" set "root" = @1, "chain_position" = "chain_position" - @2 where "id" in (@3)

-- UPDATE
update "powersync_dead_letters" set "root" = @1, "chain_position" = @2, "chain_last" = @3, "chain_bytes" = @4 where "id" = @5

-- SELECT, UPDATE, COALESCE, NULLIF, DATALENGTH, SUM
update "powersync_dead_letters" set "status" = @1, "bytes" = coalesce(nullif(datalength(coalesce("original_payload", "payload")) / 2, 0), (select coalesce(sum(datalength("text") / 2), 0) as "length" from "powersync_letter_parts" where "powersync_letter_parts"."letter" = "powersync_dead_letters"."id" and "powersync_letter_parts"."original" = @2)) + 115, "original_payload" = coalesce("original_payload", "payload"), "payload" = @3, "table_names" = @4, "row_hashes" = @5, "lossy_numbers" = @6, "overtaken" = @7 where "id" in (@8) and "status" in (@9, @10)

-- UPDATE, SYSUTCDATETIME
update "powersync_dead_letters" set "status" = @1, "closed_at" = sysutcdatetime(), "open_content" = @2, "reason" = @3 where "id" in (@4) and "status" in (@5, @6)

-- UPDATE, SYSUTCDATETIME
update "powersync_dead_letters" set "status" = @1, "closed_at" = sysutcdatetime(), "open_content" = @2, "reason" = @3 where "id" in (@4, @5, @6) and "status" in (@7, @8)

-- UPDATE
update "powersync_dead_letters" set "status" = @1, "overtaken" = @2 where "id" in (@3) and "status" in (@4, @5)

-- SELECT, UPDATE
update "powersync_letter_parts" set "original" = @1 where "letter" in (select "id" from "powersync_dead_letters" where "id" in (@2) and "original_payload" is null)

-- UPDATE
update "things" set "size" = @1 where "id" = @2

-- rejections beside dead letters

-- INSERT
insert into "things" ("size", "id") values (@1, @2)

-- Collation Precedence, MERGE, Table hints, Table value constructor, COLLATE
merge into "powersync_accounts" with (holdlock) using (values (@1, @2, @3)) as "sent" ("place", "subject", "position") on "powersync_accounts"."place" = "sent"."place" collate Latin1_General_BIN2 and "powersync_accounts"."subject" = "sent"."subject" collate Latin1_General_BIN2 when matched then update set "position" = "powersync_accounts"."position" when not matched then insert ("place", "subject", "position") values ("sent"."place", "sent"."subject", "sent"."position");

-- Collation Precedence, MERGE, Table hints, Table value constructor, COLLATE, SYSUTCDATETIME
merge into "powersync_dead_letters" with (holdlock) using (values (@1, @2, @3, sysutcdatetime(), @4, @5, @6, @7, @8, @9, @10, @11, @12, @13, @14, @15, @16, @17, @18)) as "sent" ("error_code", "message", "operation_index", "last_seen_at", "id", "user_id", "client_id", "queue_id", "identity", "payload", "bytes", "subject", "content", "open_content", "place", "principal", "row_hashes", "table_names", "lossy_numbers") on "powersync_dead_letters"."open_content" = "sent"."open_content" collate Latin1_General_BIN2 when matched then update set "error_code" = @19, "message" = @20, "operation_index" = @21, "last_seen_at" = sysutcdatetime(), "attempts" = "powersync_dead_letters"."attempts" + 1 when not matched then insert ("error_code", "message", "operation_index", "last_seen_at", "id", "user_id", "client_id", "queue_id", "identity", "payload", "bytes", "subject", "content", "open_content", "place", "principal", "row_hashes", "table_names", "lossy_numbers") values ("sent"."error_code", "sent"."message", "sent"."operation_index", "sent"."last_seen_at", "sent"."id", "sent"."user_id", "sent"."client_id", "sent"."queue_id", "sent"."identity", "sent"."payload", "sent"."bytes", "sent"."subject", "sent"."content", "sent"."open_content", "sent"."place", "sent"."principal", "sent"."row_hashes", "sent"."table_names", "sent"."lossy_numbers");

-- Collation Precedence, SELECT, MERGE, Table hints, TOP, COLLATE, COUNT
merge into "powersync_devices" with (holdlock) using (select @1, @2, @3, @4, @5 from (select count(*) as devices from (select top(1000) "device"."queue" from "powersync_devices" as "device" where "device"."place" = @6 and "device"."subject" = @7) as "known") as counted where counted.devices < 1000) as "sent" ("queue", "subject", "place", "unsettled", "told") on "powersync_devices"."queue" = "sent"."queue" collate Latin1_General_BIN2 when not matched then insert ("queue", "subject", "place", "unsettled", "told") values ("sent"."queue", "sent"."subject", "sent"."place", "sent"."unsettled", "sent"."told");

-- Collation Precedence, SELECT, MERGE, Table hints, COLLATE, DATEADD, SYSUTCDATETIME
merge into "powersync_ledger" with (holdlock) using (select @1, @2, @3, @4, @5, dateadd(minute, @6, dateadd(microsecond, @7, sysutcdatetime())), @8, dateadd(minute, @9, dateadd(microsecond, @10, sysutcdatetime())), @11 from "powersync_devices" as device where device.queue = @12 ) as "sent" ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") on "powersync_ledger"."identity" = "sent"."identity" collate Latin1_General_BIN2 when not matched then insert ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") values ("sent"."identity", "sent"."queue", "sent"."answer", "sent"."handling", "sent"."request", "sent"."request_at", "sent"."first_request", "sent"."first_request_at", "sent"."applied_at");

-- Collation Precedence, SELECT, MERGE, Table hints, COLLATE, DATEADD, SYSUTCDATETIME
merge into "powersync_ledger" with (holdlock) using (select @1, @2, @3, @4, @5, dateadd(minute, @6, dateadd(microsecond, @7, sysutcdatetime())), @8, dateadd(minute, @9, dateadd(microsecond, @10, sysutcdatetime())), @11 from "powersync_devices" as device with (repeatableread, rowlock) where device.queue = @12 and device.unsettled = 0 and device.told = 0 ) as "sent" ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") on "powersync_ledger"."identity" = "sent"."identity" collate Latin1_General_BIN2 when not matched then insert ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") values ("sent"."identity", "sent"."queue", "sent"."answer", "sent"."handling", "sent"."request", "sent"."request_at", "sent"."first_request", "sent"."first_request_at", "sent"."applied_at");

-- Collation Precedence, SELECT, MERGE, Table hints, COLLATE, DATEADD, SYSUTCDATETIME
merge into "powersync_ledger" with (holdlock) using (select @1, @2, @3, @4, @5, dateadd(minute, @6, dateadd(microsecond, @7, sysutcdatetime())), @8, dateadd(minute, @9, dateadd(microsecond, @10, sysutcdatetime())), sysutcdatetime() from "powersync_devices" as device where device.queue = @11 ) as "sent" ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") on "powersync_ledger"."identity" = "sent"."identity" collate Latin1_General_BIN2 when not matched then insert ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") values ("sent"."identity", "sent"."queue", "sent"."answer", "sent"."handling", "sent"."request", "sent"."request_at", "sent"."first_request", "sent"."first_request_at", "sent"."applied_at");

-- Collation Precedence, SELECT, MERGE, Table hints, COLLATE, DATEADD, SYSUTCDATETIME
merge into "powersync_ledger" with (holdlock) using (select @1, @2, @3, @4, @5, dateadd(minute, @6, dateadd(microsecond, @7, sysutcdatetime())), @8, dateadd(minute, @9, dateadd(microsecond, @10, sysutcdatetime())), sysutcdatetime() from "powersync_devices" as device with (repeatableread, rowlock) where device.queue = @11 and device.unsettled = 0 and device.told = 0 ) as "sent" ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") on "powersync_ledger"."identity" = "sent"."identity" collate Latin1_General_BIN2 when not matched then insert ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") values ("sent"."identity", "sent"."queue", "sent"."answer", "sent"."handling", "sent"."request", "sent"."request_at", "sent"."first_request", "sent"."first_request_at", "sent"."applied_at");

-- Collation Precedence, MERGE, Table hints, Table value constructor, COLLATE
merge into "powersync_letter_rows" with (holdlock) using (values (@1, @2)) as "sent" ("hash", "letter") on "powersync_letter_rows"."hash" = "sent"."hash" collate Latin1_General_BIN2 and "powersync_letter_rows"."letter" = "sent"."letter" collate Latin1_General_BIN2 when not matched then insert ("hash", "letter") values ("sent"."hash", "sent"."letter");

-- ROLLBACK TRANSACTION
rollback transaction powersync_aside

-- SAVE TRANSACTION
save transaction powersync_aside

-- SELECT
select "answer" from "powersync_ledger" where "identity" in (@1) and "handling" is null

-- SELECT, Table hints
select "answer", "request", "handling" from "powersync_ledger" with (updlock, rowlock) where "identity" = @1

-- SELECT
select "code" from "things"

-- SELECT
select "id", "attempts" from "powersync_dead_letters" where "open_content" = @1

-- SELECT, FROM clause plus JOIN, APPLY, COALESCE
select "made"."hash", "made"."letter", coalesce("waits"."root", "waits"."id") as "root" from "powersync_letter_rows" as "made" inner join "powersync_dead_letters" as "waits" on "waits"."id" = "made"."letter" where "made"."hash" in (@1, @2) and "waits"."place" = @3 and "waits"."status" in (@4, @5)

-- SELECT, Table hints, CASE, DATEADD, SYSUTCDATETIME
select "position", case when told_at >= dateadd(minute, @1, dateadd(microsecond, @2, sysutcdatetime())) then 1 else 0 end as "telling" from "powersync_accounts" with (updlock, rowlock) where "place" = @3 and "subject" = @4

-- SELECT
select "unsettled", "told" from "powersync_devices" where "queue" = @1

-- Collation Precedence, Metadata Visibility Configuration, SELECT, FROM clause plus JOIN, APPLY, EXISTS, Set operators - UNION, COALESCE, CAST and CONVERT, COLLATE, CHARINDEX, CONCAT, OBJECT_ID, HAS_PERMS_BY_NAME, sys.columns, sys.objects, sys.triggers, sys.trigger_events, sys.indexes, sys.index_columns, sys.check_constraints, sys.default_constraints, sys.foreign_keys, sys.foreign_key_columns, sys.tables, sys.computed_columns, sys.security_predicates
select 'object' as kind, convert(nvarchar(max), o.type) collate database_default as name, convert(nvarchar(max), concat(coalesce(has_perms_by_name(@1, 'OBJECT', @2), 0), coalesce(has_perms_by_name(@3, 'OBJECT', @4), 0), coalesce(has_perms_by_name(@5, 'OBJECT', @6), 0))) collate database_default as detail, 0 as nr from sys.objects as o where o.object_id = object_id(@7) union all select 'column', convert(nvarchar(max), c.name) collate database_default, convert(nvarchar(max), concat(coalesce(has_perms_by_name(@8, 'OBJECT', @9, c.name, 'COLUMN'), 0), coalesce(has_perms_by_name(@10, 'OBJECT', @11, c.name, 'COLUMN'), 0))) collate database_default, 0 from sys.columns as c where c.object_id = object_id(@12) union all select 'trigger', convert(nvarchar(max), e.type_desc) collate database_default, null, 0 from sys.triggers as t join sys.trigger_events as e on e.object_id = t.object_id where t.parent_id = object_id(@13) and t.is_disabled = 0 union all select 'trigger', 'INSERT', null, 0 from sys.indexes as d where d.object_id = object_id(@14) and d.ignore_dup_key = 1 union all select 'unique', convert(nvarchar(max), i.name) collate database_default, convert(nvarchar(max), c.name) collate database_default, x.key_ordinal from sys.indexes as i join sys.index_columns as x on x.object_id = i.object_id and x.index_id = i.index_id and x.key_ordinal > 0 join sys.columns as c on c.object_id = x.object_id and c.column_id = x.column_id where i.object_id = object_id(@15) and i.is_unique = 1 and i.name is not null union all select 'check', convert(nvarchar(max), k.name) collate database_default, convert(nvarchar(max), k.definition) collate database_default, 0 from sys.check_constraints as k where k.parent_object_id = object_id(@16) union all select 'reference', convert(nvarchar(max), f.name) collate database_default, convert(nvarchar(max), c.name) collate database_default, x.constraint_column_id from sys.foreign_keys as f join sys.foreign_key_columns as x on x.constraint_object_id = f.object_id join sys.columns as c on c.object_id = x.parent_object_id and c.column_id = x.parent_column_id where f.parent_object_id = object_id(@17) union all select 'run', convert(nvarchar(max), c.name) collate database_default, null, 0 from sys.tables as t join sys.indexes as i on i.object_id = t.object_id and i.is_unique = 1 join sys.index_columns as x on x.object_id = i.object_id and x.index_id = i.index_id and x.key_ordinal > 0 join sys.columns as c on c.object_id = x.object_id and c.column_id = x.column_id where t.object_id = object_id(@18) and t.temporal_type = 0 and t.is_memory_optimized = 0 and not exists ( select 1 from sys.indexes as o where o.object_id = t.object_id and (o.type > 2 or o.has_filter = 1 or o.is_disabled = 1 or o.is_hypothetical = 1 or o.ignore_dup_key = 1) ) and not exists (select 1 from sys.columns as r where r.object_id = t.object_id and r.rule_object_id <> 0) and not exists ( select 1 from sys.foreign_keys as f where f.parent_object_id = t.object_id and f.referenced_object_id = t.object_id ) and not exists (select 1 from sys.check_constraints as k where k.parent_object_id = t.object_id and charindex('].', "k"."definition") > 0) and not exists (select 1 from sys.default_constraints as d where d.parent_object_id = t.object_id and charindex('].', "d"."definition") > 0) and not exists (select 1 from sys.computed_columns as m where m.object_id = t.object_id and charindex('].', "m"."definition") > 0) and not exists (select 1 from sys.security_predicates as p where p.target_object_id = t.object_id) order by kind, name, nr

-- SELECT, CAST and CONVERT, HASHBYTES
select 0 as "n", convert(varchar(64), hashbytes('SHA2_256', convert(varbinary(max), convert(nvarchar(max), "id"))), 2) as "t0", convert(varchar(64), hashbytes('SHA2_256', convert(varbinary(max), convert(nvarchar(max), "code"))), 2) as "t1", convert(varchar(64), hashbytes('SHA2_256', convert(varbinary(max), convert(nvarchar(max), "amount"))), 2) as "t2", convert(varchar(64), hashbytes('SHA2_256', convert(varbinary(max), convert(nvarchar(max), "size"))), 2) as "t3", convert(varchar(64), hashbytes('SHA2_256', convert(varbinary(max), convert(nvarchar(max), "big"))), 2) as "t4", convert(varchar(64), hashbytes('SHA2_256', convert(varbinary(max), convert(nvarchar(max), "parent_id"))), 2) as "t5", convert(varchar(64), hashbytes('SHA2_256', convert(varbinary(max), convert(nvarchar(max), "stock"))), 2) as "t6", convert(varchar(64), hashbytes('SHA2_256', convert(varbinary(max), convert(nvarchar(max), "doubled"))), 2) as "t7" from "things" where "id" = @1

-- SELECT, Table hints
select 1 as "ok" from "things" with (updlock, serializable) where "id" = @1

-- SELECT
select 1 as "one" from "things" where "id" = @1

-- Collation Precedence, Metadata Visibility Configuration, SELECT, FROM clause plus JOIN, APPLY, EXISTS, CASE, COALESCE, CAST and CONVERT, COLLATE, CHARINDEX, QUOTENAME, LOWER, OBJECT_ID, COLLATIONPROPERTY, sys.columns, sys.types, sys.check_constraints, sys.default_constraints
select c.name as name, coalesce(b.name, t.name, '') as type, c.max_length as size, c.precision as digits, c.scale as scale, c.collation_name as collation, convert(int, collationproperty(c.collation_name, 'CodePage')) as page, c.is_nullable as nullable, c.is_identity as counts, c.is_computed as computed, c.generated_always_type as period, c.default_object_id as [default], d.definition as defaulted, case when exists ( select 1 from sys.check_constraints as k where k.parent_object_id = c.object_id and charindex(lower('isjson(' + quotename(c.name)) collate Latin1_General_BIN2, lower(k.definition) collate Latin1_General_BIN2) > 0 ) then 1 else 0 end as json from sys.columns as c left join sys.types as t on t.user_type_id = c.user_type_id left join sys.types as b on b.user_type_id = c.system_type_id left join sys.default_constraints as d on d.object_id = c.default_object_id where c.object_id = object_id(@1) order by c.column_id

-- SELECT, EXISTS, CASE
select case when exists (select 1 as "one" from "powersync_dead_letters" as "open" where "open"."place" = @1 and "open"."subject" = @2 and "open"."status" in (@3, @4)) then 1 else 0 end as answer

-- SELECT, TOP, CASE, SUM
select sum(1) as "letters", sum("bytes") as "bytes", sum(case when "client_id" = @1 then 1 else 0 end) as "client_letters", sum(case when "client_id" = @2 then "bytes" else 0 end) as "client_bytes" from (select top(1000) "client_id", "bytes" + "chain_bytes" as "bytes" from "powersync_dead_letters" where "place" = @3 and "subject" = @4 and "status" in (@5, @6) and "root" is null) as "open"

-- SELECT, TOP, CASE, CAST and CONVERT, REPLACE, COUNT
select top(51) "id", "status", "error_code", "message", "operation_index", "user_id", "client_id", "queue_id", "identity", "attempts", "table_names", "reason", "root", replace(convert(varchar(27), "created_at", 121), ' ', 'T') + 'Z' as "first_seen", replace(convert(varchar(27), "last_seen_at", 121), ' ', 'T') + 'Z' as "last_seen", replace(convert(varchar(27), "closed_at", 121), ' ', 'T') + 'Z' as "closed", case when "original_payload" is null then 0 else 1 end as "edited", (select count(*) as "count" from "powersync_dead_letters" as "dependant" where "dependant"."root" = "powersync_dead_letters"."id" and "dependant"."status" in (@1, @2)) as "dependants" from "powersync_dead_letters" where "place" = @3 and 1 = 1 order by "created_at" desc, "id" desc

-- SET XACT_ABORT, SET Statements, INSERT
set xact_abort off; insert into "things" ("id", "code") values (@1, @2)

-- SET XACT_ABORT, SET Statements, INSERT
set xact_abort off; insert into "things" ("id", "code", "size") values (@1, @2, @3)

-- what is counted, removed and forgotten

-- DELETE
delete from "powersync_accounts" where "place" = @1 and "subject" = @2

-- DELETE
delete from "powersync_devices" where "queue" = @1

-- DELETE
delete from "powersync_devices" where "queue" in (@1)

-- DELETE
delete from "powersync_ledger" where "identity" in (@1)

-- DELETE
delete from "powersync_ledger" where "queue" = @1

-- DELETE
delete from "powersync_named" where "hash" in (@1, @2)

-- INSERT
insert into "things" ("size", "id") values (@1, @2)

-- Collation Precedence, MERGE, Table hints, Table value constructor, COLLATE
merge into "powersync_accounts" with (holdlock) using (values (@1, @2, @3)) as "sent" ("place", "subject", "position") on "powersync_accounts"."place" = "sent"."place" collate Latin1_General_BIN2 and "powersync_accounts"."subject" = "sent"."subject" collate Latin1_General_BIN2 when matched then update set "position" = "powersync_accounts"."position" when not matched then insert ("place", "subject", "position") values ("sent"."place", "sent"."subject", "sent"."position");

-- Collation Precedence, MERGE, Table hints, Table value constructor, CASE, COLLATE
merge into "powersync_checkpoints" with (holdlock) using (values (@1, @2, @3, @4)) as "sent" ("id", "user_id", "client_id", "checkpoint") on "powersync_checkpoints"."id" = "sent"."id" collate Latin1_General_BIN2 when matched then update set "checkpoint" = case when "powersync_checkpoints"."checkpoint" < 9223372036854775807 then "powersync_checkpoints"."checkpoint" + 1 else "powersync_checkpoints"."checkpoint" end when not matched then insert ("id", "user_id", "client_id", "checkpoint") values ("sent"."id", "sent"."user_id", "sent"."client_id", "sent"."checkpoint");

-- Collation Precedence, SELECT, MERGE, Table hints, TOP, COLLATE, COUNT
merge into "powersync_devices" with (holdlock) using (select @1, @2, @3, @4, @5 from (select count(*) as devices from (select top(1) "device"."queue" from "powersync_devices" as "device" where "device"."place" = @6 and "device"."subject" = @7) as "known") as counted where counted.devices < 1) as "sent" ("queue", "subject", "place", "unsettled", "told") on "powersync_devices"."queue" = "sent"."queue" collate Latin1_General_BIN2 when not matched then insert ("queue", "subject", "place", "unsettled", "told") values ("sent"."queue", "sent"."subject", "sent"."place", "sent"."unsettled", "sent"."told");

-- Collation Precedence, SELECT, MERGE, Table hints, COLLATE, DATEADD, SYSUTCDATETIME
merge into "powersync_ledger" with (holdlock) using (select @1, @2, @3, @4, @5, dateadd(minute, @6, dateadd(microsecond, @7, sysutcdatetime())), @8, dateadd(minute, @9, dateadd(microsecond, @10, sysutcdatetime())), sysutcdatetime() from "powersync_devices" as device where device.queue = @11 ) as "sent" ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") on "powersync_ledger"."identity" = "sent"."identity" collate Latin1_General_BIN2 when not matched then insert ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") values ("sent"."identity", "sent"."queue", "sent"."answer", "sent"."handling", "sent"."request", "sent"."request_at", "sent"."first_request", "sent"."first_request_at", "sent"."applied_at");

-- Collation Precedence, SELECT, MERGE, Table hints, COLLATE, DATEADD, SYSUTCDATETIME
merge into "powersync_ledger" with (holdlock) using (select @1, @2, @3, @4, @5, dateadd(minute, @6, dateadd(microsecond, @7, sysutcdatetime())), @8, dateadd(minute, @9, dateadd(microsecond, @10, sysutcdatetime())), sysutcdatetime() from "powersync_devices" as device with (repeatableread, rowlock) where device.queue = @11 and device.unsettled = 0 and device.told = 0 ) as "sent" ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") on "powersync_ledger"."identity" = "sent"."identity" collate Latin1_General_BIN2 when not matched then insert ("identity", "queue", "answer", "handling", "request", "request_at", "first_request", "first_request_at", "applied_at") values ("sent"."identity", "sent"."queue", "sent"."answer", "sent"."handling", "sent"."request", "sent"."request_at", "sent"."first_request", "sent"."first_request_at", "sent"."applied_at");

-- Collation Precedence, MERGE, Table hints, Table value constructor, CASE, COLLATE, DATEADD, SYSUTCDATETIME
merge into "powersync_named" with (holdlock) using (values (@1, @2, @3, @4, @5, dateadd(minute, @6, dateadd(microsecond, @7, sysutcdatetime()))), (@8, @9, @10, @11, @12, dateadd(minute, @13, dateadd(microsecond, @14, sysutcdatetime())))) as "sent" ("hash", "place", "subject", "position", "answer", "named_at") on "powersync_named"."hash" = "sent"."hash" collate Latin1_General_BIN2 when matched then update set "position" = @15, "named_at" = dateadd(minute, @16, dateadd(microsecond, @17, sysutcdatetime())), "answer" = case when "powersync_named"."hash" = @18 then @19 else null end when not matched then insert ("hash", "place", "subject", "position", "answer", "named_at") values ("sent"."hash", "sent"."place", "sent"."subject", "sent"."position", "sent"."answer", "sent"."named_at");

-- SELECT
select "answer" from "powersync_ledger" where "identity" in (@1) and "handling" is null

-- SELECT, Table hints
select "answer", "request", "handling" from "powersync_ledger" with (updlock, rowlock) where "identity" = @1

-- SELECT, Table hints
select "position" from "powersync_accounts" with (updlock, rowlock) where "place" = @1 and "subject" = @2

-- SELECT, Table hints, CASE, DATEADD, SYSUTCDATETIME
select "position", case when told_at >= dateadd(minute, @1, dateadd(microsecond, @2, sysutcdatetime())) then 1 else 0 end as "telling" from "powersync_accounts" with (updlock, rowlock) where "place" = @3 and "subject" = @4

-- SELECT
select "unsettled", "told" from "powersync_devices" where "queue" = @1

-- Collation Precedence, Metadata Visibility Configuration, SELECT, FROM clause plus JOIN, APPLY, EXISTS, Set operators - UNION, COALESCE, CAST and CONVERT, COLLATE, CHARINDEX, CONCAT, OBJECT_ID, HAS_PERMS_BY_NAME, sys.columns, sys.objects, sys.triggers, sys.trigger_events, sys.indexes, sys.index_columns, sys.check_constraints, sys.default_constraints, sys.foreign_keys, sys.foreign_key_columns, sys.tables, sys.computed_columns, sys.security_predicates
select 'object' as kind, convert(nvarchar(max), o.type) collate database_default as name, convert(nvarchar(max), concat(coalesce(has_perms_by_name(@1, 'OBJECT', @2), 0), coalesce(has_perms_by_name(@3, 'OBJECT', @4), 0), coalesce(has_perms_by_name(@5, 'OBJECT', @6), 0))) collate database_default as detail, 0 as nr from sys.objects as o where o.object_id = object_id(@7) union all select 'column', convert(nvarchar(max), c.name) collate database_default, convert(nvarchar(max), concat(coalesce(has_perms_by_name(@8, 'OBJECT', @9, c.name, 'COLUMN'), 0), coalesce(has_perms_by_name(@10, 'OBJECT', @11, c.name, 'COLUMN'), 0))) collate database_default, 0 from sys.columns as c where c.object_id = object_id(@12) union all select 'trigger', convert(nvarchar(max), e.type_desc) collate database_default, null, 0 from sys.triggers as t join sys.trigger_events as e on e.object_id = t.object_id where t.parent_id = object_id(@13) and t.is_disabled = 0 union all select 'trigger', 'INSERT', null, 0 from sys.indexes as d where d.object_id = object_id(@14) and d.ignore_dup_key = 1 union all select 'unique', convert(nvarchar(max), i.name) collate database_default, convert(nvarchar(max), c.name) collate database_default, x.key_ordinal from sys.indexes as i join sys.index_columns as x on x.object_id = i.object_id and x.index_id = i.index_id and x.key_ordinal > 0 join sys.columns as c on c.object_id = x.object_id and c.column_id = x.column_id where i.object_id = object_id(@15) and i.is_unique = 1 and i.name is not null union all select 'check', convert(nvarchar(max), k.name) collate database_default, convert(nvarchar(max), k.definition) collate database_default, 0 from sys.check_constraints as k where k.parent_object_id = object_id(@16) union all select 'reference', convert(nvarchar(max), f.name) collate database_default, convert(nvarchar(max), c.name) collate database_default, x.constraint_column_id from sys.foreign_keys as f join sys.foreign_key_columns as x on x.constraint_object_id = f.object_id join sys.columns as c on c.object_id = x.parent_object_id and c.column_id = x.parent_column_id where f.parent_object_id = object_id(@17) union all select 'run', convert(nvarchar(max), c.name) collate database_default, null, 0 from sys.tables as t join sys.indexes as i on i.object_id = t.object_id and i.is_unique = 1 join sys.index_columns as x on x.object_id = i.object_id and x.index_id = i.index_id and x.key_ordinal > 0 join sys.columns as c on c.object_id = x.object_id and c.column_id = x.column_id where t.object_id = object_id(@18) and t.temporal_type = 0 and t.is_memory_optimized = 0 and not exists ( select 1 from sys.indexes as o where o.object_id = t.object_id and (o.type > 2 or o.has_filter = 1 or o.is_disabled = 1 or o.is_hypothetical = 1 or o.ignore_dup_key = 1) ) and not exists (select 1 from sys.columns as r where r.object_id = t.object_id and r.rule_object_id <> 0) and not exists ( select 1 from sys.foreign_keys as f where f.parent_object_id = t.object_id and f.referenced_object_id = t.object_id ) and not exists (select 1 from sys.check_constraints as k where k.parent_object_id = t.object_id and charindex('].', "k"."definition") > 0) and not exists (select 1 from sys.default_constraints as d where d.parent_object_id = t.object_id and charindex('].', "d"."definition") > 0) and not exists (select 1 from sys.computed_columns as m where m.object_id = t.object_id and charindex('].', "m"."definition") > 0) and not exists (select 1 from sys.security_predicates as p where p.target_object_id = t.object_id) order by kind, name, nr

-- SELECT, Table hints
select 1 as "ok" from "things" with (updlock, serializable) where "id" = @1

-- Collation Precedence, Metadata Visibility Configuration, SELECT, FROM clause plus JOIN, APPLY, EXISTS, CASE, COALESCE, CAST and CONVERT, COLLATE, CHARINDEX, QUOTENAME, LOWER, OBJECT_ID, COLLATIONPROPERTY, sys.columns, sys.types, sys.check_constraints, sys.default_constraints
select c.name as name, coalesce(b.name, t.name, '') as type, c.max_length as size, c.precision as digits, c.scale as scale, c.collation_name as collation, convert(int, collationproperty(c.collation_name, 'CodePage')) as page, c.is_nullable as nullable, c.is_identity as counts, c.is_computed as computed, c.generated_always_type as period, c.default_object_id as [default], d.definition as defaulted, case when exists ( select 1 from sys.check_constraints as k where k.parent_object_id = c.object_id and charindex(lower('isjson(' + quotename(c.name)) collate Latin1_General_BIN2, lower(k.definition) collate Latin1_General_BIN2) > 0 ) then 1 else 0 end as json from sys.columns as c left join sys.types as t on t.user_type_id = c.user_type_id left join sys.types as b on b.user_type_id = c.system_type_id left join sys.default_constraints as d on d.object_id = c.default_object_id where c.object_id = object_id(@1) order by c.column_id

-- SELECT, EXISTS, CASE
select case when exists (select 1 as "one" from "powersync_dead_letters" as "open" where "open"."place" = @1 and "open"."subject" = @2 and "open"."status" in (@3, @4)) then 1 else 0 end as answer

-- SELECT, CAST and CONVERT
select convert(varchar(20), "checkpoint") as "checkpoint" from "powersync_checkpoints" where "id" = @1

-- SELECT, TOP, EXISTS, DATEADD, SYSUTCDATETIME
select top(1) "device"."queue" from "powersync_devices" as "device" where "device"."place" = @1 and "device"."subject" = @2 and not exists (select "answered"."identity" from "powersync_ledger" as "answered" where "answered"."queue" = "device"."queue" and "answered"."answered_at" >= dateadd(minute, @3, dateadd(microsecond, @4, sysutcdatetime())))

-- SELECT, Table hints, TOP
select top(100) "queue" from "powersync_devices" with (updlock, rowlock) where "place" = @1 and "subject" = @2 order by "queue"

-- SELECT, TOP, DATEADD, SYSUTCDATETIME
select top(500) "content" from "powersync_attempts" where "last_failed_at" < dateadd(minute, @1, dateadd(microsecond, @2, sysutcdatetime())) order by "last_failed_at"

-- SELECT, TOP, DATEADD, SYSUTCDATETIME
select top(500) "hash" from "powersync_named" where "named_at" < dateadd(minute, @1, dateadd(microsecond, @2, sysutcdatetime())) order by "named_at"

-- SELECT, TOP
select top(500) "hash" from "powersync_named" where "place" = @1 and "subject" = @2

-- SELECT, TOP
select top(500) "hash" from "powersync_versions" where "place" = @1 and "subject" = @2

-- SELECT, TOP, DATEADD, SYSUTCDATETIME
select top(500) "id" from "powersync_dead_letters" where "closed_at" < dateadd(minute, @1, dateadd(microsecond, @2, sysutcdatetime()))

-- SELECT, TOP
select top(500) "id" from "powersync_dead_letters" where "place" = @1 and "subject" = @2

-- SELECT, TOP
select top(500) "id" from "powersync_dead_letters" where "place" = @1 and "subject" = @2 and "root" is not null

-- SELECT, TOP
select top(500) "identity" from "powersync_ledger" where "queue" in (@1)

-- SELECT, TOP, CASE, CAST and CONVERT, DATEADD, SYSUTCDATETIME, REPLACE
select top(500) "old"."identity", replace(convert(varchar(27), "old"."answered_at", 121), ' ', 'T') + 'Z' as "at", case when ((select top(1) "later"."first_request_at" from "powersync_ledger" as "later" where "later"."queue" = "old"."queue" order by "later"."queue" desc, "later"."first_request_at" desc) > "old"."request_at" and (select top(1) "later"."first_request" from "powersync_ledger" as "later" where "later"."queue" = "old"."queue" order by "later"."queue" desc, "later"."first_request_at" desc) != "old"."request") then 1 else 0 end as "passed" from "powersync_ledger" as "old" where "old"."answered_at" < dateadd(minute, @1, dateadd(microsecond, @2, sysutcdatetime())) order by "old"."answered_at", "old"."identity"

-- UPDATE, DATEADD, SYSUTCDATETIME
update "powersync_accounts" set "position" = @1, "told_at" = dateadd(minute, @2, dateadd(microsecond, @3, sysutcdatetime())) where "place" = @4 and "subject" = @5

-- UPDATE
update "powersync_devices" set "told" = @1 where "place" = @2 and "subject" = @3 and "told" = @4

-- UPDATE
update "things" set "size" = @1 where "id" = @2

-- check()

-- Collation Precedence, Metadata Visibility Configuration, SELECT, FROM clause plus JOIN, APPLY, EXISTS, Set operators - UNION, COALESCE, CAST and CONVERT, COLLATE, CHARINDEX, CONCAT, OBJECT_ID, HAS_PERMS_BY_NAME, sys.columns, sys.objects, sys.triggers, sys.trigger_events, sys.indexes, sys.index_columns, sys.check_constraints, sys.default_constraints, sys.foreign_keys, sys.foreign_key_columns, sys.tables, sys.computed_columns, sys.security_predicates
select 'object' as kind, convert(nvarchar(max), o.type) collate database_default as name, convert(nvarchar(max), concat(coalesce(has_perms_by_name(@1, 'OBJECT', @2), 0), coalesce(has_perms_by_name(@3, 'OBJECT', @4), 0), coalesce(has_perms_by_name(@5, 'OBJECT', @6), 0))) collate database_default as detail, 0 as nr from sys.objects as o where o.object_id = object_id(@7) union all select 'column', convert(nvarchar(max), c.name) collate database_default, convert(nvarchar(max), concat(coalesce(has_perms_by_name(@8, 'OBJECT', @9, c.name, 'COLUMN'), 0), coalesce(has_perms_by_name(@10, 'OBJECT', @11, c.name, 'COLUMN'), 0))) collate database_default, 0 from sys.columns as c where c.object_id = object_id(@12) union all select 'trigger', convert(nvarchar(max), e.type_desc) collate database_default, null, 0 from sys.triggers as t join sys.trigger_events as e on e.object_id = t.object_id where t.parent_id = object_id(@13) and t.is_disabled = 0 union all select 'trigger', 'INSERT', null, 0 from sys.indexes as d where d.object_id = object_id(@14) and d.ignore_dup_key = 1 union all select 'unique', convert(nvarchar(max), i.name) collate database_default, convert(nvarchar(max), c.name) collate database_default, x.key_ordinal from sys.indexes as i join sys.index_columns as x on x.object_id = i.object_id and x.index_id = i.index_id and x.key_ordinal > 0 join sys.columns as c on c.object_id = x.object_id and c.column_id = x.column_id where i.object_id = object_id(@15) and i.is_unique = 1 and i.name is not null union all select 'check', convert(nvarchar(max), k.name) collate database_default, convert(nvarchar(max), k.definition) collate database_default, 0 from sys.check_constraints as k where k.parent_object_id = object_id(@16) union all select 'reference', convert(nvarchar(max), f.name) collate database_default, convert(nvarchar(max), c.name) collate database_default, x.constraint_column_id from sys.foreign_keys as f join sys.foreign_key_columns as x on x.constraint_object_id = f.object_id join sys.columns as c on c.object_id = x.parent_object_id and c.column_id = x.parent_column_id where f.parent_object_id = object_id(@17) union all select 'run', convert(nvarchar(max), c.name) collate database_default, null, 0 from sys.tables as t join sys.indexes as i on i.object_id = t.object_id and i.is_unique = 1 join sys.index_columns as x on x.object_id = i.object_id and x.index_id = i.index_id and x.key_ordinal > 0 join sys.columns as c on c.object_id = x.object_id and c.column_id = x.column_id where t.object_id = object_id(@18) and t.temporal_type = 0 and t.is_memory_optimized = 0 and not exists ( select 1 from sys.indexes as o where o.object_id = t.object_id and (o.type > 2 or o.has_filter = 1 or o.is_disabled = 1 or o.is_hypothetical = 1 or o.ignore_dup_key = 1) ) and not exists (select 1 from sys.columns as r where r.object_id = t.object_id and r.rule_object_id <> 0) and not exists ( select 1 from sys.foreign_keys as f where f.parent_object_id = t.object_id and f.referenced_object_id = t.object_id ) and not exists (select 1 from sys.check_constraints as k where k.parent_object_id = t.object_id and charindex('].', "k"."definition") > 0) and not exists (select 1 from sys.default_constraints as d where d.parent_object_id = t.object_id and charindex('].', "d"."definition") > 0) and not exists (select 1 from sys.computed_columns as m where m.object_id = t.object_id and charindex('].', "m"."definition") > 0) and not exists (select 1 from sys.security_predicates as p where p.target_object_id = t.object_id) order by kind, name, nr

-- SELECT
select * from "powersync_migrations"

-- SELECT
select 1 as "one" from "powersync_accounts" where 1 = 0

-- SELECT
select 1 as "one" from "powersync_attempts" where 1 = 0

-- SELECT
select 1 as "one" from "powersync_dead_letters" where 1 = 0

-- SELECT
select 1 as "one" from "powersync_devices" where 1 = 0

-- SELECT
select 1 as "one" from "powersync_ledger" where 1 = 0

-- SELECT
select 1 as "one" from "powersync_letter_parts" where 1 = 0

-- SELECT
select 1 as "one" from "powersync_letter_rows" where 1 = 0

-- SELECT
select 1 as "one" from "powersync_named" where 1 = 0

-- Metadata Visibility Configuration, SELECT, FROM clause plus JOIN, APPLY, OBJECT_ID, sys.columns, sys.objects
select c.name as name, c.collation_name as collation, o.type as kind from sys.columns as c join sys.objects as o on o.object_id = c.object_id where c.object_id = object_id(@1)

-- Collation Precedence, Metadata Visibility Configuration, SELECT, FROM clause plus JOIN, APPLY, EXISTS, CASE, COALESCE, CAST and CONVERT, COLLATE, CHARINDEX, QUOTENAME, LOWER, OBJECT_ID, COLLATIONPROPERTY, sys.columns, sys.types, sys.check_constraints, sys.default_constraints
select c.name as name, coalesce(b.name, t.name, '') as type, c.max_length as size, c.precision as digits, c.scale as scale, c.collation_name as collation, convert(int, collationproperty(c.collation_name, 'CodePage')) as page, c.is_nullable as nullable, c.is_identity as counts, c.is_computed as computed, c.generated_always_type as period, c.default_object_id as [default], d.definition as defaulted, case when exists ( select 1 from sys.check_constraints as k where k.parent_object_id = c.object_id and charindex(lower('isjson(' + quotename(c.name)) collate Latin1_General_BIN2, lower(k.definition) collate Latin1_General_BIN2) > 0 ) then 1 else 0 end as json from sys.columns as c left join sys.types as t on t.user_type_id = c.user_type_id left join sys.types as b on b.user_type_id = c.system_type_id left join sys.default_constraints as d on d.object_id = c.default_object_id where c.object_id = object_id(@1) order by c.column_id

-- Metadata Visibility Configuration, SELECT, DB_NAME, sys.databases
select d.delayed_durability as durability from sys.databases as d where d.name = db_name()

-- Metadata Visibility Configuration, SELECT, FROM clause plus JOIN, APPLY, OBJECT_ID, sys.columns, sys.indexes, sys.index_columns
select i.index_id as [index], c.name as [column] from sys.indexes as i join sys.index_columns as x on x.object_id = i.object_id and x.index_id = i.index_id and x.key_ordinal > 0 join sys.columns as c on c.object_id = x.object_id and c.column_id = x.column_id where i.object_id = object_id(@1) and i.is_unique = 1 and i.has_filter = 0 and i.is_disabled = 0 and i.is_hypothetical = 0 order by i.is_primary_key desc, i.index_id, x.key_ordinal

-- the library's own tables

-- SELECT, sp_getapplock, EXECUTE, DECLARE
declare @locked int; exec @locked = sp_getapplock @Resource = 'powersync-writes', @LockMode = 'Exclusive', @LockOwner = 'Transaction', @LockTimeout = 30000; select @locked as locked

-- Collation Precedence, COLLATE, SYSUTCDATETIME, OBJECT_ID, CREATE TABLE, IF...ELSE
if object_id('[powersync_migrations]') is null create table "powersync_migrations" ("name" nvarchar(64) collate Latin1_General_BIN2 primary key, "form" nvarchar(64) collate Latin1_General_BIN2 not null, "applied_at" datetime2(7) default sysutcdatetime() not null)

-- Collation Precedence, COLLATE, SYSUTCDATETIME, OBJECT_ID, CREATE TABLE, IF...ELSE
if object_id('[powersync_ledger]') is null create table "powersync_ledger" ("identity" nvarchar(64) collate Latin1_General_BIN2 primary key, "queue" nvarchar(64) collate Latin1_General_BIN2 not null, "answer" nvarchar(max) collate Latin1_General_BIN2 null, "handling" integer null, "answered_at" datetime2(7) default sysutcdatetime() not null, "request" nvarchar(36) collate Latin1_General_BIN2 not null, "request_at" datetime2(7) default sysutcdatetime() not null, "first_request" nvarchar(36) collate Latin1_General_BIN2 not null, "first_request_at" datetime2(7) default sysutcdatetime() not null, "applied_at" datetime2(7) null)

-- CREATE INDEX
create index "powersync_ledger_answered_at" on "powersync_ledger" ("answered_at", "identity")

-- CREATE INDEX
create index "powersync_ledger_queue" on "powersync_ledger" ("queue", "first_request_at")

-- Collation Precedence, COLLATE, SYSUTCDATETIME, OBJECT_ID, CREATE TABLE, IF...ELSE
if object_id('[powersync_devices]') is null create table "powersync_devices" ("queue" nvarchar(64) collate Latin1_General_BIN2 primary key, "subject" nvarchar(64) collate Latin1_General_BIN2 not null, "place" nvarchar(64) collate Latin1_General_BIN2 not null, "entered_at" datetime2(7) default sysutcdatetime() not null, "unsettled" integer default 0 not null, "told" integer default 0 not null)

-- CREATE INDEX
create index "powersync_devices_subject" on "powersync_devices" ("place", "subject")

-- Collation Precedence, COLLATE, OBJECT_ID, CREATE TABLE, IF...ELSE
if object_id('[powersync_accounts]') is null create table "powersync_accounts" ("place" nvarchar(64) collate Latin1_General_BIN2 not null, "subject" nvarchar(64) collate Latin1_General_BIN2 not null, "position" bigint not null, "told_at" datetime2(7) null, constraint "powersync_accounts_key" primary key ("place", "subject"))

-- Collation Precedence, COLLATE, SYSUTCDATETIME, OBJECT_ID, CREATE TABLE, IF...ELSE
if object_id('[powersync_named]') is null create table "powersync_named" ("hash" nvarchar(64) collate Latin1_General_BIN2 primary key, "place" nvarchar(64) collate Latin1_General_BIN2 not null, "subject" nvarchar(64) collate Latin1_General_BIN2 not null, "position" bigint not null, "answer" nvarchar(max) collate Latin1_General_BIN2 null, "named_at" datetime2(7) default sysutcdatetime() not null)

-- CREATE INDEX
create index "powersync_named_named_at" on "powersync_named" ("named_at")

-- CREATE INDEX
create index "powersync_named_subject" on "powersync_named" ("place", "subject", "position")

-- Collation Precedence, COLLATE, SYSUTCDATETIME, OBJECT_ID, CREATE TABLE, IF...ELSE
if object_id('[powersync_versions]') is null create table "powersync_versions" ("hash" nvarchar(64) collate Latin1_General_BIN2 primary key, "place" nvarchar(64) collate Latin1_General_BIN2 not null, "subject" nvarchar(64) collate Latin1_General_BIN2 not null, "writer" nvarchar(64) collate Latin1_General_BIN2 not null, "version" nvarchar(20) collate Latin1_General_BIN2 not null, "since" nvarchar(20) collate Latin1_General_BIN2 not null, "written_at" datetime2(7) default sysutcdatetime() not null)

-- CREATE INDEX
create index "powersync_versions_written_at" on "powersync_versions" ("written_at")

-- CREATE INDEX
create index "powersync_versions_subject" on "powersync_versions" ("place", "subject")

-- Collation Precedence, COLLATE, SYSUTCDATETIME, OBJECT_ID, CREATE TABLE, IF...ELSE
if object_id('[powersync_dead_letters]') is null create table "powersync_dead_letters" ("id" nvarchar(36) collate Latin1_General_BIN2 primary key, "status" nvarchar(16) collate Latin1_General_BIN2 default 'open' not null, "error_code" nvarchar(max) collate Latin1_General_BIN2 not null, "message" nvarchar(max) collate Latin1_General_BIN2 not null, "operation_index" integer null, "user_id" nvarchar(max) collate Latin1_General_BIN2 not null, "client_id" nvarchar(max) collate Latin1_General_BIN2 null, "queue_id" nvarchar(max) collate Latin1_General_BIN2 null, "identity" nvarchar(64) collate Latin1_General_BIN2 null, "payload" nvarchar(max) collate Latin1_General_BIN2 not null, "created_at" datetime2(7) default sysutcdatetime() not null, "subject" nvarchar(64) collate Latin1_General_BIN2 not null, "content" nvarchar(64) collate Latin1_General_BIN2 not null, "open_content" nvarchar(128) collate Latin1_General_BIN2 null, "place" nvarchar(64) collate Latin1_General_BIN2 not null, "principal" nvarchar(max) collate Latin1_General_BIN2 null, "row_hashes" nvarchar(max) collate Latin1_General_BIN2 null, "table_names" nvarchar(max) collate Latin1_General_BIN2 not null, "original_payload" nvarchar(max) collate Latin1_General_BIN2 null, "lossy_numbers" integer default 0 not null, "attempts" integer default 1 not null, "last_seen_at" datetime2(7) default sysutcdatetime() not null, "reason" nvarchar(max) collate Latin1_General_BIN2 null, "closed_at" datetime2(7) null, "bytes" integer not null, "root" nvarchar(36) collate Latin1_General_BIN2 null, "chain_position" integer null, "chain_last" integer default 0 not null, "chain_bytes" bigint default 0 not null, "overtaken" integer default 0 not null)

-- CREATE INDEX
create unique index "powersync_dead_letters_open_content" on "powersync_dead_letters" ("open_content") where "open_content" is not null

-- CREATE INDEX
create index "powersync_dead_letters_closed" on "powersync_dead_letters" ("closed_at")

-- CREATE INDEX
create index "powersync_dead_letters_root" on "powersync_dead_letters" ("root", "chain_position")

-- CREATE INDEX
create index "powersync_dead_letters_subject" on "powersync_dead_letters" ("place", "subject", "status")

-- CREATE INDEX
create index "powersync_dead_letters_status" on "powersync_dead_letters" ("place", "status", "created_at", "id")

-- Collation Precedence, COLLATE, OBJECT_ID, CREATE TABLE, IF...ELSE
if object_id('[powersync_letter_parts]') is null create table "powersync_letter_parts" ("id" nvarchar(36) collate Latin1_General_BIN2 primary key, "letter" nvarchar(36) collate Latin1_General_BIN2 not null, "original" integer not null, "part" integer not null, "text" nvarchar(max) collate Latin1_General_BIN2 not null, constraint "powersync_letter_parts_letter_fk" foreign key ("letter") references "powersync_dead_letters" ("id") on delete cascade)

-- CREATE INDEX
create index "powersync_letter_parts_letter" on "powersync_letter_parts" ("letter", "part")

-- Collation Precedence, COLLATE, OBJECT_ID, CREATE TABLE, IF...ELSE
if object_id('[powersync_letter_rows]') is null create table "powersync_letter_rows" ("hash" nvarchar(64) collate Latin1_General_BIN2 not null, "letter" nvarchar(36) collate Latin1_General_BIN2 not null, constraint "powersync_letter_rows_key" primary key ("hash", "letter"))

-- CREATE INDEX
create index "powersync_letter_rows_letter" on "powersync_letter_rows" ("letter")

-- Collation Precedence, COLLATE, OBJECT_ID, CREATE TABLE, IF...ELSE
if object_id('[powersync_checkpoints]') is null create table "powersync_checkpoints" ("id" nvarchar(64) collate Latin1_General_BIN2 primary key, "user_id" nvarchar(max) collate Latin1_General_BIN2 not null, "client_id" nvarchar(255) collate Latin1_General_BIN2 not null, "checkpoint" bigint not null)

-- Collation Precedence, COLLATE, SYSUTCDATETIME, OBJECT_ID, CREATE TABLE, IF...ELSE
if object_id('[powersync_attempts]') is null create table "powersync_attempts" ("content" nvarchar(64) collate Latin1_General_BIN2 primary key, "attempts" integer not null, "first_failed_at" datetime2(7) default sysutcdatetime() not null, "last_failed_at" datetime2(7) default sysutcdatetime() not null, "previous_failed_at" datetime2(7) null)

-- CREATE INDEX
create index "powersync_attempts_last_failed_at" on "powersync_attempts" ("last_failed_at")

-- INSERT
insert into "powersync_migrations" ("name", "form") values ('0001_tables', '1c4ded3e3447847ec1cf4967767abb69')

-- a union of lists

-- SELECT, UPDATE, FROM clause plus JOIN, APPLY, Table value constructor, EXISTS, CASE, COALESCE, CAST and CONVERT, STRING_AGG, OPENJSON, RTRIM, SUBSTRING, LEN, REVERSE, CHARINDEX
update "docs" set "tags" = (select case when lacking.elements is null then kept.list else substring(kept.list, 1, len(kept.list) - charindex(']', reverse(kept.list))) + case when exists (select 1 from openjson(kept.list)) then ',' else '' end + lacking.elements + ']' end from (select rtrim(coalesce(convert(nvarchar(max), "tags"), '[]')) as list) as kept cross apply (select string_agg(convert(nvarchar(max), sent.element), ',') within group (order by sent.nr) as elements from (values (0, 1, @1, @2), (1, 2, @3, @4), (2, 0, @5, @6)) as sent (nr, [type], element, plain) where not exists (select 1 from openjson(kept.list) as each where each.[type] = sent.[type] and (each.[type] = 0 or convert(varbinary(max), each.[value]) = convert(varbinary(max), sent.plain)))) as lacking) where "id" = @7

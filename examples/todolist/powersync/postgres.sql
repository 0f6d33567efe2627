-- For a PowerSync service, once the demo has made its tables. Postgres needs `wal_level = logical`, which takes a restart:
--   ALTER SYSTEM SET wal_level = logical;
-- Choose passwords of your own.
CREATE ROLE powersync_role WITH REPLICATION BYPASSRLS LOGIN PASSWORD 'change-me';
GRANT SELECT ON lists, todos, list_notes, list_members TO powersync_role;
CREATE PUBLICATION powersync FOR TABLE lists, todos, list_notes, list_members;
-- Where the service keeps its own data. It needs a database of its own:
--   CREATE ROLE powersync_storage WITH LOGIN PASSWORD 'change-me';
--   CREATE DATABASE powersync_storage OWNER powersync_storage;

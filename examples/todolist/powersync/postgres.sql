-- Prepares Postgres for a PowerSync service. Run it after the demo has created its tables. `wal_level` must be `logical`, which needs a restart:
--   ALTER SYSTEM SET wal_level = logical;
-- Choose your own passwords.
CREATE ROLE powersync_role WITH REPLICATION BYPASSRLS LOGIN PASSWORD 'change-me';
GRANT SELECT ON lists, todos, list_notes, list_members TO powersync_role;
CREATE PUBLICATION powersync FOR TABLE lists, todos, list_notes, list_members;
-- The service keeps its own data in a separate database:
--   CREATE ROLE powersync_storage WITH LOGIN PASSWORD 'change-me';
--   CREATE DATABASE powersync_storage OWNER powersync_storage;

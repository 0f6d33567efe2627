-- Tables that the examples in this folder write in the library's transaction.
create table lists (id uuid primary key, name text, owner_id text not null);
create table suspended (user_id text primary key);
create table audit (id serial primary key, by text not null, what text not null);

-- The application's own tables, and the policies that say who may write which row.
create table lists (
  id uuid primary key,
  name text not null check (length(name) between 1 and 100),
  owner_id uuid not null default auth.uid()
);
create table todos (
  id uuid primary key,
  list_id uuid not null references lists (id) on delete cascade,
  description text not null,
  completed boolean not null default false
);
create index on lists (owner_id);
create index on todos (list_id);

alter table lists enable row level security;
create policy "Owners have their lists" on lists to authenticated
  using (owner_id = (select auth.uid()))
  with check (owner_id = (select auth.uid()));

-- A todo belongs to its list. The subquery sees only lists that the policy above shows.
alter table todos enable row level security;
create policy "Owners have the todos of their lists" on todos to authenticated
  using (list_id in (select id from lists))
  with check (list_id in (select id from lists));

grant select, insert, update, delete on lists, todos to authenticated;

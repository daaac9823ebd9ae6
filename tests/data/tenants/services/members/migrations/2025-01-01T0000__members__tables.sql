-- Tenants, and who is what in them. A caller sees the tenant at work, and their own memberships everywhere.
create table members.tenants (
    id   uuid not null default gen_random_uuid(),
    name text not null,
    constraint tenants_pk primary key (id)
);

alter table members.tenants enable row level security;
alter table members.tenants force row level security;

create policy tenants_wall on members.tenants
 using (id = (select lamppost.tenant_id()))
  with check (id = (select lamppost.tenant_id()));

create table members.memberships (
    tenant_id uuid not null references members.tenants (id) on delete cascade,
    subject   text not null,
    role      text not null default 'member',
    status    text not null default 'active',
    constraint memberships_pk primary key (tenant_id, subject)
);

create index memberships_of_subject on members.memberships (subject);

alter table members.memberships enable row level security;
alter table members.memberships force row level security;

create policy memberships_wall on members.memberships
 using (tenant_id = (select lamppost.tenant_id()))
  with check (tenant_id = (select lamppost.tenant_id()));

create policy memberships_own on members.memberships
   for select
 using (subject = (select lamppost.user_id()) and (select lamppost.tenant_id()) is null);

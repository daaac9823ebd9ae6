-- People, as they describe themselves. The subject is the token's: nobody chooses it.
create table users.profiles (
    subject    text        not null,
    name       text        not null,
    email      text,
    created_at timestamptz not null default lamppost.now(),
    updated_at timestamptz not null default lamppost.now(),
    constraint profiles_pk primary key (subject),
    constraint profiles_name_length check (char_length(name) between 1 and 100),
    constraint profiles_email_shape check (email ~ '^[^@\s]+@[^@\s]+$' and char_length(email) <= 254)
);

-- Organisations are the tenants: rows of other tables carry their id as tenant_id.
create table users.organisations (
    id         uuid        not null default gen_random_uuid(),
    name       text        not null,
    created_at timestamptz not null default lamppost.now(),
    updated_at timestamptz not null default lamppost.now(),
    constraint organisations_pk primary key (id),
    constraint organisations_named unique (id, name),
    constraint organisations_name_length check (char_length(name) between 1 and 100)
);

alter table users.organisations enable row level security;
alter table users.organisations force row level security;

create policy organisations_wall on users.organisations
 using (id = (select lamppost.tenant_id()))
  with check (id = (select lamppost.tenant_id()));

-- Who belongs to which organisation, and as what.
--   invited    asked to join until invited_until: the subject, or whoever brings the code sent to email
--   active     a member: the only status that opens the organisation
--   suspended  a member who may not come in for now
-- The organisation's name stands here too, kept equal by the foreign key: people list their
-- organisations from outside of them, where only their own memberships show.
create table users.memberships (
    tenant_id     uuid        not null default lamppost.tenant_id(),
    id            uuid        not null default gen_random_uuid(),
    organisation  text        not null,
    subject       text,
    email         text,
    role          text        not null,
    status        text        not null,
    code_hash     bytea,
    invited_until timestamptz,
    created_at    timestamptz not null default lamppost.now(),
    updated_at    timestamptz not null default lamppost.now(),
    constraint memberships_pk primary key (tenant_id, id),
    constraint memberships_once unique (tenant_id, subject),
    constraint memberships_address_once unique (tenant_id, email),
    constraint memberships_organisation foreign key (tenant_id, organisation)
        references users.organisations (id, name) on update cascade on delete cascade,
    constraint memberships_role_known check (role in ('owner', 'admin', 'member', 'viewer')),
    constraint memberships_status_known check (status in ('invited', 'active', 'suspended')),
    constraint memberships_someone check (subject is not null or (status = 'invited' and email is not null)),
    constraint memberships_code_of_an_address check ((code_hash is not null) = (subject is null)),
    constraint memberships_invited_for_a_time check ((invited_until is not null) = (status = 'invited')),
    constraint memberships_email_shape check (email ~ '^[^@\s]+@[^@\s]+$' and char_length(email) <= 254)
);

create index memberships_of_subject
    on users.memberships (subject, created_at, id);

alter table users.memberships enable row level security;
alter table users.memberships force row level security;

create policy memberships_wall on users.memberships
 using (tenant_id = (select lamppost.tenant_id()))
  with check (tenant_id = (select lamppost.tenant_id()));

create policy memberships_own on users.memberships
   for select
 using (subject = (select lamppost.user_id()) and (select lamppost.tenant_id()) is null);

-- A profile is its person's. Inside an organisation those of its members show too, not of people it invites.
alter table users.profiles enable row level security;
alter table users.profiles force row level security;

create policy profiles_own on users.profiles
 using (subject = (select lamppost.user_id()))
  with check (subject = (select lamppost.user_id()));

create policy profiles_of_members on users.profiles
   for select
 using (exists (select
                  from users.memberships m
                 where m.tenant_id = (select lamppost.tenant_id())
                   and m.subject = profiles.subject
                   and m.status <> 'invited'));

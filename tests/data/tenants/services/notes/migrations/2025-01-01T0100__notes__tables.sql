-- Folders and the notes in them, each tenant's behind its wall.
create table notes.folders (
    tenant_id uuid not null,
    id        uuid not null default gen_random_uuid(),
    title     text not null,
    constraint folders_pk primary key (tenant_id, id),
    constraint folders_title_once unique (tenant_id, title)
);

alter table notes.folders enable row level security;
alter table notes.folders force row level security;

create policy folders_wall on notes.folders
 using (tenant_id = (select lamppost.tenant_id()))
  with check (tenant_id = (select lamppost.tenant_id()));

create table notes.notes (
    tenant_id uuid   not null default lamppost.tenant_id(),
    id        uuid   not null default gen_random_uuid(),
    folder_id uuid   not null,
    number    bigint not null,
    title     text   not null,
    body      text   not null,
    version   bigint not null default 1,
    constraint notes_pk primary key (tenant_id, id),
    constraint notes_number_once unique (tenant_id, number),
    constraint notes_folder foreign key (tenant_id, folder_id)
        references notes.folders (tenant_id, id) on delete cascade
);

alter table notes.notes enable row level security;
alter table notes.notes force row level security;

create policy notes_wall on notes.notes
 using (tenant_id = (select lamppost.tenant_id()))
  with check (tenant_id = (select lamppost.tenant_id()));

create view notes.titles with (security_invoker = true) as
select tenant_id, id, title
  from notes.notes;

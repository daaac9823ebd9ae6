"""Each way to leak is found; a database whose walls stand is left in peace."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from lamppost.declare.tenancy import Tenants
from lamppost.diagnose.finding import Finding
from lamppost.diagnose.tenancy.leaks import RULES, leaks
from lamppost.diagnose.tenancy.rule import Scope
from lamppost.testing.databases import TestDatabase
from lamppost.testing.plugin import MakeDatabase
from tests.tenants import FOLDERS

TENANTS = Tenants(memberships="members.memberships", active=("status", "active"))


def scope(base: TestDatabase) -> Scope:
    return Scope(("members", "notes"), TENANTS, base.roles.app, base.roles.migrator)


@pytest.fixture
def base(database: MakeDatabase) -> TestDatabase:
    return database(folders=FOLDERS)


@contextmanager
def changed(base: TestDatabase, statements: str) -> Iterator[psycopg.Connection[Any]]:
    """The database with a change that is undone: roles are shared by the whole server."""
    admin = base.connect(admin=True)
    with admin.transaction(force_rollback=True):
        text = statements.replace("APP", f'"{base.roles.app}"').replace(
            "MIGRATOR", f'"{base.roles.migrator}"'
        )
        if "AS OWNER" in text:
            admin.execute(f'set local role "{base.roles.migrator}"'.encode())
        admin.execute(text.replace("AS OWNER", "").replace("HERE", f'"{base.name}"').encode())
        yield admin


def found(base: TestDatabase, statements: str) -> list[Finding]:
    with changed(base, statements) as admin:
        return leaks(admin, scope(base))


def test_a_database_whose_walls_stand_is_left_in_peace(base: TestDatabase) -> None:
    assert leaks(base.connect(admin=True), scope(base)) == []


def test_the_app_role_itself_may_ask(base: TestDatabase) -> None:
    assert leaks(base.connect(), scope(base)) == []
    base.connect(admin=True).execute("alter table notes.notes disable row level security")
    assert [finding.code for finding in leaks(base.connect(), scope(base))] == ["rls_off"]


LEAKS = {
    "a table without row-level security": ("rls_off", "alter table notes.notes disable row level security"),
    "a new table where it was forgotten": (
        "rls_off",
        "AS OWNER create table notes.tags (tenant_id uuid not null, tag text, primary key (tenant_id, tag))",
    ),
    "a partition that can be asked directly": (
        "rls_off",
        """AS OWNER create table notes.events (tenant_id uuid not null, at date not null,
             primary key (tenant_id, at)) partition by range (at);
           create table notes.events_2025 partition of notes.events
             for values from ('2025-01-01') to ('2026-01-01');
           alter table notes.events enable row level security;
           alter table notes.events force row level security;
           create policy wall on notes.events using (tenant_id = lamppost.tenant_id())
             with check (tenant_id = lamppost.tenant_id())""",
    ),
    "a wall that its owner walks through": (
        "rls_not_forced",
        "alter table notes.notes no force row level security",
    ),
    "a policy that lets everything through": (
        "policy_true",
        "create policy all_of_it on notes.notes for select using (true)",
    ),
    "a policy that lets everything be written": (
        "check_open",
        "create policy any_insert on notes.notes for insert with check (true)",
    ),
    "a policy whose check is wider than its using": (
        "check_open",
        "alter policy notes_wall on notes.notes with check (title <> '')",
    ),
    "a policy that opens where no tenant is set": (
        "policy_open",
        """alter policy notes_wall on notes.notes
             using (tenant_id = lamppost.tenant_id() or lamppost.tenant_id() is null)""",
    ),
    "a policy that takes an unset tenant for a match": (
        "policy_open",
        "alter policy notes_wall on notes.notes using (tenant_id is not distinct from lamppost.tenant_id())",
    ),
    "a policy about something else": (
        "policy_open",
        "create policy public_titles on notes.notes for select using (title like 'public%')",
    ),
    "a policy with a default tenant": (
        "policy_open",
        """alter policy notes_wall on notes.notes using
             (tenant_id = coalesce(lamppost.tenant_id(), '00000000-0000-4000-8000-000000000000'))""",
    ),
    "a policy that says not": (
        "policy_open",
        "alter policy notes_wall on notes.notes using (not (tenant_id = lamppost.tenant_id()))",
    ),
    "a policy without nullif": (
        "policy_without_nullif",
        """alter policy notes_wall on notes.notes
             using (tenant_id = current_setting('app.tenant_id', true)::uuid)""",
    ),
    "a policy that compares with another setting": (
        "policy_other_setting",
        """alter policy notes_wall on notes.notes
             using (tenant_id = nullif(current_setting('app.current_org_id', true), '')::uuid)""",
    ),
    "own rows that show inside other tenants": (
        "own_rows_everywhere",
        "alter policy memberships_own on members.memberships using (subject = lamppost.user_id())",
    ),
    "own rows that may be changed in any tenant": (
        "policy_open",
        """create policy own_change on members.memberships for update using (subject = lamppost.user_id())
             with check (tenant_id = lamppost.tenant_id())""",
    ),
    "a foreign table": (
        "foreign_table",
        """create foreign data wrapper far; create server far foreign data wrapper far;
           create foreign table notes.far (tenant_id uuid not null, id uuid) server far""",
    ),
    "a child table that forgot the tenant": (
        "child_without_tenant",
        """AS OWNER alter table notes.notes add constraint once unique (id);
           create table notes.lines (note uuid references notes.notes (id), text text)""",
    ),
    "a grandchild table that forgot the tenant": (
        "child_without_tenant",
        """AS OWNER alter table notes.notes add constraint once unique (id);
           create table notes.lines (id uuid primary key default gen_random_uuid(),
                                     note uuid references notes.notes (id), text text);
           create table notes.words (line uuid references notes.lines (id), word text)""",
    ),
    "a list of tenants that anyone may read": (
        "tenants_listed",
        "alter table members.tenants disable row level security",
    ),
    "a tenants' list whose policy lets everything through": (
        "policy_true",
        "create policy all_of_it on members.tenants for select using (true)",
    ),
    "rows that land in a tenant by default": (
        "tenant_default",
        """alter table notes.folders alter column tenant_id
             set default '00000000-0000-4000-8000-000000000000'""",
    ),
    "a rule on a table": (
        "rule_on_table",
        """AS OWNER create rule copies as on insert to notes.notes
             do also update notes.folders set title = title where id = new.folder_id""",
    ),
    "a published table": ("published", "create publication out for table notes.notes"),
    "everything published": ("published", "create publication out for all tables"),
    "a unique key that tells what others have": (
        "key_without_tenant",
        "AS OWNER create unique index titles_once on notes.notes (title)",
    ),
    "a unique expression that tells what others have": (
        "key_without_tenant",
        "AS OWNER create unique index titles_once on notes.notes (lower(title)) include (tenant_id)",
    ),
    "a primary key that tells what others have": (
        "key_without_tenant",
        """AS OWNER alter table notes.notes drop constraint notes_pk, add primary key (title)""",
    ),
    "an exclusion that tells what others have": (
        "key_without_tenant",
        "AS OWNER alter table notes.notes add constraint apart exclude using btree (number with =)",
    ),
    "a uuid key that the caller chooses": (
        "key_without_tenant",
        "AS OWNER alter table notes.notes add column outside_id uuid unique",
    ),
    "a foreign key that crosses tenants": (
        "fk_crosses_tenants",
        """AS OWNER alter table notes.folders add constraint once unique (id);
           alter table notes.notes drop constraint notes_folder,
             add foreign key (folder_id) references notes.folders (id)""",
    ),
    "a foreign key that pairs the wrong columns": (
        "fk_crosses_tenants",
        """AS OWNER alter table notes.notes drop constraint notes_folder,
             add foreign key (folder_id, tenant_id) references notes.folders (tenant_id, id)""",
    ),
    "a foreign key that never looked at old rows": (
        "fk_not_validated",
        """AS OWNER alter table notes.notes drop constraint notes_folder,
             add constraint notes_folder foreign key (tenant_id, folder_id)
               references notes.folders (tenant_id, id) not valid""",
    ),
    "a foreign key that is switched off": ("fk_disabled", "alter table notes.notes disable trigger all"),
    "memberships that may stand twice": (
        "membership_twice",
        "AS OWNER alter table members.memberships drop constraint memberships_pk",
    ),
    "a view with its owner's rights": (
        "view_owner_rights",
        "create view notes.plain as select * from notes.notes; grant select on notes.plain to APP",
    ),
    "a view in another schema": (
        "view_owner_rights",
        "create view public.plain as select * from notes.notes; grant select on public.plain to APP",
    ),
    "a view of a view": (
        "view_owner_rights",
        "create view public.deep as select title from notes.titles; grant select on public.deep to APP",
    ),
    "a materialised view": (
        "materialized_view",
        "create materialized view notes.counts as select tenant_id, count(*) from notes.titles group by 1;"
        "grant select on notes.counts to APP",
    ),
    "a definer function": (
        "definer_function",
        """AS OWNER create function notes.all_titles() returns setof text language sql security definer
             as 'select title from notes.notes'""",
    ),
    "a definer function in public": (
        "definer_function",
        """create function public.all_titles() returns setof text language sql security definer
             as 'select title from notes.notes'""",
    ),
    "a definer trigger that nobody may call": (
        "definer_function",
        """AS OWNER create function notes.copy() returns trigger language plpgsql security definer
             as 'begin return new; end';
           revoke execute on function notes.copy() from public, APP;
           create trigger copies after insert on notes.notes for each row execute function notes.copy()""",
    ),
    "a function that switches row security off": (
        "row_security_off",
        """set local check_function_bodies = off;
           create function notes.all_titles() returns setof text language sql
             set row_security = off as 'select title from notes.notes'""",
    ),
    "a function that sets the tenant": (
        "sets_tenant",
        """AS OWNER create function notes.become(text) returns text language sql
             as $$ select set_config('app.tenant_id', $1, true) $$""",
    ),
    "a function with a tenant of its own": (
        "sets_tenant",
        """create function notes.one() returns bigint language sql
             set app.tenant_id = '00000000-0000-4000-8000-000000000000'
             as 'select count(*) from notes.notes'""",
    ),
    "a function that says set": (
        "sets_tenant",
        """AS OWNER create function notes.become() returns void language plpgsql
             as $$ begin set local app.tenant_id = 'x'; end $$""",
    ),
    "a leakproof function": (
        "leakproof_function",
        """create function notes.told(text) returns boolean language plpgsql leakproof
             as $$ begin raise notice '%', $1; return true; end $$""",
    ),
    "a function in C": (
        "untrusted_language",
        "create function notes.native() returns integer language internal as 'pg_backend_pid'",
    ),
    "a table for everybody": ("granted_to_public", "grant select on notes.notes to public"),
    "a column for everybody": ("granted_to_public", "grant select (title) on notes.notes to public"),
    "a schema the app may create in": ("app_may_create", "grant create on schema notes to APP"),
    "a database the app may create in": ("app_may_create", "grant create on database HERE to public"),
    "truncate": ("right_bypasses", "grant truncate on notes.notes to APP"),
    "references": ("right_bypasses", "grant references on notes.notes to APP"),
    "triggers": ("right_bypasses", "grant trigger on notes.notes to APP"),
    "a right to pass on": ("grant_option", "grant select on notes.notes to APP with grant option"),
    "defaults for everybody": (
        "default_rights",
        "alter default privileges for role MIGRATOR in schema notes grant select on tables to public",
    ),
    "defaults beyond rows": (
        "default_rights",
        "alter default privileges for role MIGRATOR grant truncate on tables to APP",
    ),
    "a superuser": ("role_unbound", "alter role APP superuser"),
    "a role that bypasses": ("role_unbound", "alter role APP bypassrls"),
    "a role that replicates": ("role_unbound", "alter role APP replication"),
    "a role that makes roles": ("role_unbound", "alter role APP createrole"),
    "an owner that nothing binds": ("owner_unbound", "alter role MIGRATOR bypassrls"),
    "an app role that owns a table": ("role_owner", "alter table notes.notes owner to APP"),
    "an app role that owns a function": (
        "role_owner",
        "create function notes.mine() returns integer language sql as 'select 1';"
        "alter function notes.mine() owner to APP",
    ),
    "an app role that owns the database": ("role_owner", "alter database HERE owner to APP"),
    "an app role that may be the migrator": ("role_member", "grant MIGRATOR to APP"),
    "an app role that may read files": ("role_member", "grant pg_read_server_files to APP"),
    "an app role that may read all statements": ("role_member", "grant pg_read_all_stats to APP"),
    "a tenant for the role": (
        "standing_setting",
        "alter role APP set app.tenant_id = '00000000-0000-4000-8000-000000000000'",
    ),
    "a tenant for the database": (
        "standing_setting",
        "alter database HERE set app.tenant_id = '00000000-0000-4000-8000-000000000000'",
    ),
    "foreign keys off for the role": (
        "standing_setting",
        "alter role APP set session_replication_role = replica",
    ),
    "a way to another server": (
        "user_mapping",
        """create foreign data wrapper far; create server far foreign data wrapper far;
           create user mapping for public server far""",
    ),
}


@pytest.mark.parametrize(("code", "statements"), LEAKS.values(), ids=LEAKS)
def test_a_leak_is_found(base: TestDatabase, code: str, statements: str) -> None:
    wrong = [finding for finding in found(base, statements) if finding.severity == "wrong"]
    assert code in {finding.code for finding in wrong}
    assert all(finding.where and finding.what and finding.fix for finding in wrong)
    assert "{" not in "".join(finding.what + finding.fix for finding in wrong)


HARMLESS = {
    "a policy that asks once": """alter policy notes_wall on notes.notes
        using (tenant_id = (select lamppost.tenant_id()))
        with check ((select lamppost.tenant_id()) = tenant_id)""",
    "a policy that asks for more": """alter policy notes_wall on notes.notes
        using (tenant_id = lamppost.tenant_id() and title <> 'hidden')""",
    "a policy in PostgreSQL's own words": """alter policy notes_wall on notes.notes
        using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)""",
    "a policy of several arms, each with the wall": """alter policy notes_wall on notes.notes
        using ((tenant_id = lamppost.tenant_id() and number > 1)
               or (tenant_id = lamppost.tenant_id() and title = 'x'))""",
    "a wide policy behind a restrictive wall": """
        create policy wall on notes.notes as restrictive using (tenant_id = lamppost.tenant_id())
          with check (tenant_id = lamppost.tenant_id());
        create policy wide on notes.notes for select using (true)""",
    "a wide policy for another role": """create policy wide on notes.notes
        for select to pg_monitor using (true)""",
    "a uuid key the database makes": """AS OWNER alter table notes.notes drop constraint notes_pk,
        add primary key (id)""",
    "a key over a uuid from another table": """AS OWNER
        create unique index one_note on notes.notes (folder_id)""",
    "a table the app may not touch": """AS OWNER
        create table notes.archive (tenant_id uuid not null primary key);
        revoke all on notes.archive from APP""",
    "a shared table that says why": """AS OWNER create table notes.plans (name text primary key);
        comment on table notes.plans is 'shared: what we offer'""",
    "a materialised view for others": """create materialized view notes.counts as
        select count(*) from notes.notes""",
    "a definer function for others": """AS OWNER create function notes.all_titles() returns setof text
        language sql security definer as 'select title from notes.notes';
        revoke execute on function notes.all_titles() from public, APP""",
    "a partition with its own wall": """AS OWNER
        create table notes.events (tenant_id uuid not null, at date not null, primary key (tenant_id, at))
          partition by range (at);
        create table notes.events_2025 partition of notes.events
          for values from ('2025-01-01') to ('2026-01-01');
        do $$ declare one text; begin
          foreach one in array array['events', 'events_2025'] loop
            execute format('alter table notes.%I enable row level security', one);
            execute format('alter table notes.%I force row level security', one);
            execute format('create policy wall on notes.%I using (tenant_id = lamppost.tenant_id())
                              with check (tenant_id = lamppost.tenant_id())', one);
          end loop; end $$""",
    "a child with a policy of its own": """AS OWNER
        alter table notes.notes add constraint once unique (id);
        create table notes.lines (note uuid references notes.notes (id), text text);
        alter table notes.lines enable row level security; alter table notes.lines force row level security;
        create policy wall on notes.lines using (exists (select from notes.notes where id = note))
          with check (exists (select from notes.notes where id = note))""",
}


@pytest.mark.parametrize("statements", HARMLESS.values(), ids=HARMLESS)
def test_what_is_right_is_not_called_wrong(base: TestDatabase, statements: str) -> None:
    assert found(base, statements) == []


ADVICE = {
    "counted_key": "AS OWNER alter table notes.notes add column serial_number bigserial unique",
    "no_policy": "drop policy notes_wall on notes.notes",
    "shared_table": "AS OWNER create table notes.plans (name text primary key)",
    "tenant_nullable": """AS OWNER alter table notes.notes drop constraint notes_pk,
        drop constraint notes_folder, drop constraint notes_number_once;
        alter table notes.notes alter column tenant_id drop not null""",
    "policy_without_check": """drop policy notes_wall on notes.notes;
        create policy wall on notes.notes using (tenant_id = lamppost.tenant_id())""",
    "membership_unindexed": "drop index members.memberships_of_subject",
    "tenant_unindexed": """AS OWNER alter table notes.notes drop constraint notes_pk,
        drop constraint notes_number_once""",
}


@pytest.mark.parametrize(("code", "statements"), ADVICE.items(), ids=ADVICE)
def test_what_deserves_a_thought_is_advice(base: TestDatabase, code: str, statements: str) -> None:
    findings = found(base, statements)
    assert code in {finding.code for finding in findings}
    assert {finding.severity for finding in findings} == {"advice"}


def test_the_guide_names_every_code() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guides" / "tenants.md").read_text()
    codes = {rule.code for rule in RULES} | {code for code, _ in LEAKS.values()} | set(ADVICE)
    assert {code for code in codes if f"`{code}`" not in guide} == set()
    assert {rule.code for rule in RULES} <= {code for code, _ in LEAKS.values()} | set(ADVICE)

"""The tenants of the house storm: organisations with people in every role, orders and files; and a look at
all of it afterwards, as the superuser and as the functions' role.
"""

from typing import Any

import psycopg

from tests.faults.house_marks import marks, tenant_id

ROLES = ("owner", "admin", "member", "viewer")
ORDERS = 8
FILES = 1

# Ids that tell their tenant: those that the storm's requests make, too.
IDS = """
create function public.storm_id() returns uuid language sql volatile as $$
    select (case when tenant like '51ac0000-%'
                 then '51ac0001' || substr(tenant, 9, 6) || substr(random, 15) else random end)::uuid
      from (select lamppost.tenant_id()::text as tenant, gen_random_uuid()::text as random) as here
$$;
alter table orders.orders alter id set default public.storm_id();
alter table orders.attachments alter id set default public.storm_id();
alter table users.memberships alter id set default public.storm_id();
"""
# Profiles of people named mark-N-role, and of pair-N: members of tenant N and of the next one.
SEED = """
create temp table storm_tenants as
select n, ('51ac0000-' || lpad(to_hex(n), 4, '0') || '-4000-8000-000000000000')::uuid as id,
       '51ac0001-' || lpad(to_hex(n), 4, '0') || '-4000-8000-' as row
  from generate_series(0, {tenants} - 1) as n;
create temp table storm_people as
select n, 'mark-' || n || '-' || role as subject, 'mark-' || n || '-name' as name, role, position
  from storm_tenants,
       unnest(array['owner', 'admin', 'member', 'viewer']) with ordinality as r (role, position)
 union all
select n, 'pair-' || n - n % 2, 'pair', 'admin', 9 from storm_tenants;
insert into users.profiles (subject, name, email)
select distinct subject, name, replace(subject, 'name', '') || '@example.com' from storm_people;
insert into users.organisations (id, name) select id, 'mark-' || n || '-organisation' from storm_tenants;
insert into users.memberships (tenant_id, id, organisation, subject, role, status)
select t.id, (t.row || lpad(p.position::text, 12, '0'))::uuid, 'mark-' || n || '-organisation', p.subject,
       p.role, 'active'
  from storm_tenants t join storm_people p using (n);
insert into orders.orders (tenant_id, id, customer, currency, total, status, created_by, created_at)
select t.id, (t.row || lpad(k::text, 12, '0'))::uuid, 'mark-' || n || '-customer', 'EUR', 12,
       (array['draft', 'draft', 'submitted', 'shipped'])[k % 4 + 1], 'mark-' || n || '-owner',
       lamppost.now() - k * interval '1 minute'
  from storm_tenants t, generate_series(1, {orders}) as k;
insert into orders.lines (tenant_id, order_id, position, sku, quantity, unit_price)
select tenant_id, id, p, split_part(customer, 'customer', 1) || 'sku', 1, 6
  from orders.orders, generate_series(1, 2) as p;
insert into orders.attachments (tenant_id, order_id, id, name, type, size, checksum, created_by)
select tenant_id, id, (left(id::text, 24) || lpad(f::text, 12, '0'))::uuid,
       split_part(customer, 'customer', 1) || 'drawing.png', 'image/png', 5,
       'LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=', created_by
  from orders.orders, generate_series(1, {files}) as f;
"""
GUARDED = {
    "users.organisations": "id",
    "users.memberships": "tenant_id",
    "orders.orders": "tenant_id",
    "orders.lines": "tenant_id",
    "orders.attachments": "tenant_id",
}


def seed(admin: "psycopg.Connection[Any]", tenants: int) -> None:
    """Tenants 0 … `tenants` - 1, an even number, with their people and rows."""
    admin.execute(IDS.encode())
    admin.execute(SEED.format(tenants=tenants, orders=ORDERS, files=FILES).encode())


def misplaced(admin: "psycopg.Connection[Any]") -> list[str]:
    """Rows that hold another tenant's mark than the tenant they belong to; asked as the superuser."""
    found = []
    for table, owner in GUARDED.items():
        statement = (
            f"select {owner}::text, row_to_json(t)::text from {table} t where {owner}::text like '51ac%'"
        )
        for tenant, text in admin.execute(statement.encode()):
            if marks(text) != marks(tenant):
                found.append(f"{table}: {text}")
    return found


def foreign_in_sql(app: "psycopg.Connection[Any]", tenants: int) -> list[str]:
    """Rows of others that the functions' role is shown as each tenant, and all that it is shown as none."""
    found = []
    for number in (*range(tenants), None):
        with app.transaction():
            wanted = str(tenant_id(number)) if number is not None else ""
            app.execute("select set_config('app.tenant_id', %s, true)", (wanted,))
            for table in GUARDED:
                rows = app.execute(f"select row_to_json(t)::text from {table} t".encode()).fetchall()
                if number is not None and not rows:
                    found.append(f"{table}: tenant {number} is shown nothing of its own")
                found += [f"{table} as {number}: {text}" for (text,) in rows if marks(text) != {number}]
    return found

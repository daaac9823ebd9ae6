-- Orders of organisations. Money is a whole number of the currency's smallest unit.
--   draft      may be changed and deleted
--   submitted  stands as it is
--   shipped    on its way
--   completed, cancelled   nothing more happens
-- Each change counts version up: who changes a draft says which version they saw.
create table orders.orders (
    tenant_id  uuid        not null default lamppost.tenant_id(),
    id         uuid        not null default gen_random_uuid(),
    customer   text        not null,
    currency   text        not null,
    total      bigint      not null,
    status     text        not null default 'draft',
    version    int         not null default 1,
    created_by text        not null default lamppost.user_id(),
    created_at timestamptz not null default lamppost.now(),
    updated_at timestamptz not null default lamppost.now(),
    constraint orders_pk primary key (tenant_id, id),
    constraint orders_customer_length check (char_length(customer) between 1 and 100),
    constraint orders_currency_shape check (currency ~ '^[A-Z]{3}$'),
    constraint orders_total_counted check (total between 0 and 1000000000000000),
    constraint orders_version_counted check (version > 0),
    constraint orders_status_known
        check (status in ('draft', 'submitted', 'shipped', 'completed', 'cancelled'))
);

alter table orders.orders enable row level security;
alter table orders.orders force row level security;

create policy orders_wall on orders.orders
 using (tenant_id = (select lamppost.tenant_id()))
  with check (tenant_id = (select lamppost.tenant_id()));

-- What is ordered, in the order in which it was written down.
create table orders.lines (
    tenant_id  uuid   not null default lamppost.tenant_id(),
    order_id   uuid   not null,
    position   int    not null,
    sku        text   not null,
    quantity   int    not null,
    unit_price bigint not null,
    constraint lines_pk primary key (tenant_id, order_id, position),
    constraint lines_order foreign key (tenant_id, order_id)
        references orders.orders (tenant_id, id) on delete cascade,
    constraint lines_sku_length check (char_length(sku) between 1 and 64),
    constraint lines_quantity_counted check (quantity between 1 and 10000),
    constraint lines_unit_price_counted check (unit_price between 0 and 1000000000)
);

alter table orders.lines enable row level security;
alter table orders.lines force row level security;

create policy lines_wall on orders.lines
 using (tenant_id = (select lamppost.tenant_id()))
  with check (tenant_id = (select lamppost.tenant_id()));

-- Files that belong to an order. The row says what the file is to be; the bytes come by a link, past us, and
-- stored_at is when we saw them in the bucket. Their key there is order and attachment, below the tenant's.
create table orders.attachments (
    tenant_id  uuid        not null default lamppost.tenant_id(),
    order_id   uuid        not null,
    id         uuid        not null default gen_random_uuid(),
    name       text        not null,
    type       text        not null,
    size       bigint      not null,
    checksum   text        not null,
    created_by text        not null default lamppost.user_id(),
    created_at timestamptz not null default lamppost.now(),
    stored_at  timestamptz,
    constraint attachments_pk primary key (tenant_id, order_id, id),
    constraint attachments_order foreign key (tenant_id, order_id)
        references orders.orders (tenant_id, id) on delete cascade,
    constraint attachments_name_length check (char_length(name) between 1 and 100),
    constraint attachments_size_counted check (size > 0),
    constraint attachments_checksum_shape check (checksum ~ '^[A-Za-z0-9+/]{43}=$')
);

alter table orders.attachments enable row level security;
alter table orders.attachments force row level security;

create policy attachments_wall on orders.attachments
 using (tenant_id = (select lamppost.tenant_id()))
  with check (tenant_id = (select lamppost.tenant_id()));

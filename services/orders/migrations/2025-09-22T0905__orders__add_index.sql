-- lamppost: no-transaction
-- The list of orders is read newest first, some at a time.
create index concurrently orders_newest
    on orders.orders (tenant_id, created_at, id);

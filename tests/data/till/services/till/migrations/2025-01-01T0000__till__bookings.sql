create table till.bookings (
    order_id text not null,
    cents    bigint not null
);

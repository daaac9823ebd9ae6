-- One row for each time that a handler really ran.
create table once.orders (
    id   bigint generated always as identity primary key,
    name text not null
);

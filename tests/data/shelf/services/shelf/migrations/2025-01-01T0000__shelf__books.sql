create table shelf.books (
    id      uuid primary key default gen_random_uuid(),
    reader  text not null,
    title   text not null,
    pages   int not null,
    lent_on date
);

create index books_reader on shelf.books (reader, id);

-- What a handler wrote before it hung must not be there afterwards.
create table probe.marks (
    id   bigint generated always as identity primary key,
    said text not null
);

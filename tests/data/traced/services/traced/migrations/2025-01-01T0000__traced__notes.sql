-- What was said, once for each time it was worked on.
create table traced.notes (
    id   bigint generated always as identity primary key,
    said text not null
);

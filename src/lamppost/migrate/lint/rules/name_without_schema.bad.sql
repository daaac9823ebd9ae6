-- Applies to the files of a service: its schema is where they belong.
create table birthday.people (id bigint primary key);
create table notes (id bigint primary key);

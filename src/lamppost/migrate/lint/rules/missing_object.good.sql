create table birthday.notes (id bigint primary key);

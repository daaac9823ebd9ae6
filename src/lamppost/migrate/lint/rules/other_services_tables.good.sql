create table birthday.people (id bigint primary key);

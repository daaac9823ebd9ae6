create table birthday.a (id bigint primary key);
create table birthday.b (id bigint primary key);

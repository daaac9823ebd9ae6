create table birthday.a (id bigint primary key);
commit;
create table birthday.b (id bigint primary key);

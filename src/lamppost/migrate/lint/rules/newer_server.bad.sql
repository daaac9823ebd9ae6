-- lamppost: no-transaction
alter table birthday.people set access method heap;

alter table birthday.no_such_table add column x int;

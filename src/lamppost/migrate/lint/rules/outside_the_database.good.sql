insert into birthday.kinds (code) values ('birthday'), ('name day');

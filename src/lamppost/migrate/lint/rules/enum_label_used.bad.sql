alter type birthday.mood add value 'merry';
alter table birthday.people alter column mood set default 'merry';

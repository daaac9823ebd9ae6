insert into birthday.people_archive select * from birthday.people;

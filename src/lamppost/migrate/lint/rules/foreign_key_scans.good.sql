alter table birthday.greetings add constraint greetings_person_fk foreign key (person_id) references birthday.people (id) not valid;

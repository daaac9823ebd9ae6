-- lamppost: job birthday.people by id
update birthday.people set greeted = false where greeted is null;

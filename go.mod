module verdict

go 1.26.0

module go42

go 1.26.8

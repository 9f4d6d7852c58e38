// Lets rt.go declare functions that package runtime defines.

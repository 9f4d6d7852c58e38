// Package bench compares Go42 with Linux: the same machine in QEMU, the same
// initramfs, the same programs. It is what `go42 bench` runs.
//
// Objects, in the order in which they come to life:
//
//   - Ops: the operations, by name; tests/guest/bench does them.
//   - Guest: the programs and files that the guest gets (guest.go).
//   - Boot: what one boot printed, parsed (boot.go, lines.go): a Reading for
//     each row, or why there is none.
//   - Window: instructions that QEMU logged between two marks (window.go), from
//     which comes the program's own part and, by Symbols, who ran what.
//   - Report: the table, its figures from all boots, as Markdown, CSV, JSON and
//     SVG (report.go, markdown.go, plot.go).
//
// One machine runs at a time.
package bench

// Command stubgen writes both sides of every interface declared in
// go42/ipc/proto: ipc/client (freestanding, no allocation), ipc/server
// (dispatchers), and the method numbers (ipc/proto/methods.go). It runs in
// ipc/proto (go generate). One list, both sides: neither is edited by hand.
package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"log"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// kind is how a parameter or result travels; see package proto.
type kind int

const (
	kInt    kind = iota // an argument word
	kStruct             // Data
	kString             // Data, or a range behind the declared ones
	kIn                 // range
	kOut                // range
	kGive               // grant of a call
	kHandle             // grant of a reply
	kStatus
)

type value struct {
	name, typ string
	kind      kind
}

type method struct {
	name            string
	doc             string
	params, results []value
}

type iface struct {
	name    string
	base    int
	methods []method
}

func main() {
	log.SetFlags(0)
	ifaces, err := parse(".")
	if err != nil {
		log.Fatal("stubgen: ", err)
	}
	for _, out := range outputs {
		src, err := format.Source(out.gen(ifaces))
		if err != nil {
			log.Fatalf("stubgen: %s: %v", out.path, err)
		}
		if err := os.WriteFile(filepath.FromSlash(out.path), src, 0o644); err != nil {
			log.Fatal("stubgen: ", err)
		}
	}
}

// outputs are the generated files, from ipc/proto.
var outputs = []struct {
	path string
	gen  func([]iface) []byte
}{
	{"methods.go", genMethods},
	{"../client/stubs.go", genClient},
	{"../server/stubs.go", genServer},
}

// parse reads the interfaces declared in dir, sorted by base.
func parse(dir string) ([]iface, error) {
	fset := token.NewFileSet()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	var ifaces []iface
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.TYPE {
				continue
			}
			for _, s := range g.Specs {
				ts := s.(*ast.TypeSpec)
				it, ok := ts.Type.(*ast.InterfaceType)
				if !ok {
					continue
				}
				base := baseOf(g.Doc)
				if base == 0 {
					continue
				}
				i := iface{name: ts.Name.Name, base: base}
				for _, m := range it.Methods.List {
					mm, err := parseMethod(m)
					if err != nil {
						return nil, fmt.Errorf("%s.%s: %v", i.name, m.Names[0].Name, err)
					}
					i.methods = append(i.methods, mm)
				}
				ifaces = append(ifaces, i)
			}
		}
	}
	sort.Slice(ifaces, func(a, b int) bool { return ifaces[a].base < ifaces[b].base })
	for k := 1; k < len(ifaces); k++ {
		if ifaces[k].base == ifaces[k-1].base {
			return nil, fmt.Errorf("%s and %s have one base", ifaces[k-1].name, ifaces[k].name)
		}
	}
	return ifaces, nil
}

func baseOf(doc *ast.CommentGroup) int {
	if doc == nil {
		return 0
	}
	for _, c := range doc.List {
		var n int
		if _, err := fmt.Sscanf(c.Text, "//ipc:base %d", &n); err == nil {
			return n
		}
	}
	return 0
}

func parseMethod(f *ast.Field) (method, error) {
	ft, ok := f.Type.(*ast.FuncType)
	if !ok {
		return method{}, fmt.Errorf("not a method")
	}
	m := method{name: f.Names[0].Name}
	var err error
	if m.params, err = values(ft.Params, false); err != nil {
		return m, err
	}
	if m.results, err = values(ft.Results, true); err != nil {
		return m, err
	}
	if k := len(m.results); k == 0 || m.results[k-1].kind != kStatus {
		return m, fmt.Errorf("the last result is not a Status")
	}
	for _, l := range []struct {
		what string
		vs   []value
		k    []kind
		max  int
	}{
		{"argument words", m.params, []kind{kInt}, 6},
		{"structs", m.params, []kind{kStruct}, 1},
		{"ranges", m.params, []kind{kIn, kOut, kString}, 4},
		{"grants", m.params, []kind{kGive}, 4},
		{"result words", m.results, []kind{kInt}, 6},
		{"result structs", m.results, []kind{kStruct}, 1},
		{"result grants", m.results, []kind{kHandle}, 4},
	} {
		if n := count(l.vs, l.k...); n > l.max {
			return m, fmt.Errorf("%d %s, at most %d", n, l.what, l.max)
		}
	}
	return m, nil
}

func count(vs []value, ks ...kind) int {
	n := 0
	for _, v := range vs {
		for _, k := range ks {
			if v.kind == k {
				n++
			}
		}
	}
	return n
}

func values(fl *ast.FieldList, results bool) ([]value, error) {
	var vs []value
	if fl == nil {
		return nil, nil
	}
	for _, f := range fl.List {
		v := value{}
		switch t := f.Type.(type) {
		case *ast.Ident:
			v.typ = t.Name
			switch t.Name {
			case "uint64", "int64", "uint32", "int32":
				v.kind = kInt
			case "string":
				v.kind = kString
			case "In":
				v.kind = kIn
			case "Out":
				v.kind = kOut
			case "Give":
				v.kind = kGive
			case "Handle":
				v.kind = kHandle
			case "Status":
				v.kind = kStatus
			default:
				return nil, fmt.Errorf("type %s cannot travel", t.Name)
			}
		case *ast.StarExpr:
			v.typ = t.X.(*ast.Ident).Name
			v.kind = kStruct
		default:
			return nil, fmt.Errorf("a type that cannot travel")
		}
		if results == (v.kind == kString || v.kind == kIn || v.kind == kOut || v.kind == kGive) && results {
			return nil, fmt.Errorf("type %s cannot be a result", v.typ)
		}
		if !results && (v.kind == kHandle || v.kind == kStatus) {
			return nil, fmt.Errorf("type %s cannot be a parameter", v.typ)
		}
		if len(f.Names) == 0 {
			return nil, fmt.Errorf("a parameter or result without a name")
		}
		for _, n := range f.Names {
			w := v
			w.name = n.Name
			vs = append(vs, w)
		}
	}
	return vs, nil
}

const header = "// Code generated by ipc/stubgen from ipc/proto. DO NOT EDIT.\n\n"

func genMethods(ifaces []iface) []byte {
	var b bytes.Buffer
	b.WriteString(header + "package proto\n\n// Method numbers.\nconst (\n")
	for _, i := range ifaces {
		for k, m := range i.methods {
			fmt.Fprintf(&b, "%s%s = %d<<8 | %d\n", i.name, m.name, i.base, k+1)
		}
	}
	b.WriteString(")\n\n// MethodName names a method for people; \"\" if there is none.\nfunc MethodName(m uint32) string {\nswitch m {\n")
	for _, i := range ifaces {
		for _, m := range i.methods {
			fmt.Fprintf(&b, "case %s%s:\nreturn %q\n", i.name, m.name, i.name+"."+m.name)
		}
	}
	b.WriteString("}\nreturn \"\"\n}\n")
	return b.Bytes()
}

func genClient(ifaces []iface) []byte {
	var b bytes.Buffer
	b.WriteString(header + "package client\n\nimport (\n\"unsafe\"\n\n\"go42/ipc/abi\"\n\"go42/ipc/proto\"\n)\n\n")
	for _, i := range ifaces {
		fmt.Fprintf(&b, "// %s calls a proto.%s through handle H.\ntype %s struct {\nC *Conn\nH uint64\n}\n\n", i.name, i.name, i.name)
		for _, m := range i.methods {
			clientMethod(&b, i, m)
		}
	}
	return b.Bytes()
}

func clientType(v value) string {
	switch v.kind {
	case kStruct:
		return "*proto." + v.typ
	case kIn, kOut:
		return "proto." + v.typ
	case kGive:
		return "abi.Grant"
	case kHandle:
		return "uint64"
	case kStatus:
		return "int64"
	}
	return v.typ
}

func clientMethod(b *bytes.Buffer, i iface, m method) {
	var ps, rs []string
	for _, v := range m.params {
		ps = append(ps, v.name+" "+clientType(v))
	}
	for _, v := range m.results {
		rs = append(rs, v.name+" "+clientType(v))
	}
	fmt.Fprintf(b, "// %s is proto.%s.%s.\nfunc (o_ %s) %s(%s) (%s) {\n", m.name, i.name, m.name, i.name, m.name, strings.Join(ps, ", "), strings.Join(rs, ", "))
	fmt.Fprintf(b, "m_ := &o_.C.M\n")
	args, ranges, grants := 0, 0, 0
	strs := count(m.params, kString) > 0
	dlen := "0"
	for _, v := range m.params {
		switch v.kind {
		case kInt:
			fmt.Fprintf(b, "m_.Args[%d] = uint64(%s)\n", args, v.name)
			args++
		case kStruct:
			fmt.Fprintf(b, "if %s != nil {\n*(*proto.%s)(unsafe.Pointer(&m_.Data)) = *%s\n} else {\n*(*proto.%s)(unsafe.Pointer(&m_.Data)) = proto.%s{}\n}\n", v.name, v.typ, v.name, v.typ, v.typ)
			dlen = "uint32(unsafe.Sizeof(proto." + v.typ + "{}))"
		case kIn:
			fmt.Fprintf(b, "m_.Ranges[%d] = abi.Range{Addr: %s.Addr, Len: %s.Len, Flags: abi.RangeIn}\n", ranges, v.name, v.name)
			ranges++
		case kOut:
			fmt.Fprintf(b, "m_.Ranges[%d] = abi.Range{Addr: %s.Addr, Len: %s.Len, Flags: abi.RangeOut}\n", ranges, v.name, v.name)
			ranges++
		case kGive:
			fmt.Fprintf(b, "m_.Grants[%d] = %s\n", grants, v.name)
			grants++
		}
	}
	fmt.Fprintf(b, "m_.Len, m_.NRanges, m_.NGrants = %s, %d, %d\n", dlen, ranges, grants)
	if strs {
		for _, v := range m.params {
			if v.kind == kString {
				fmt.Fprintf(b, "putString(m_, %s)\n", v.name)
			}
		}
	}
	// A method's only range may travel in the message, if there is room.
	near := value{}
	if ranges == 1 {
		for _, v := range m.params {
			switch {
			case v.kind == kIn:
				fmt.Fprintf(b, "o_.C.nearIn(%s)\n", v.name)
			case v.kind == kOut && count(m.results, kStruct) == 0:
				fmt.Fprintf(b, "o_.C.nearOut(%s)\n", v.name)
				near = v
			}
		}
	}
	last := m.results[len(m.results)-1].name
	fmt.Fprintf(b, "%s = o_.C.call(o_.H, proto.%s%s)\n", last, i.name, m.name)
	if near.name != "" {
		fmt.Fprintf(b, "%s = o_.C.take(%s, %s)\n", last, near.name, last)
	}
	args, grants = 0, 0
	for _, v := range m.results {
		switch v.kind {
		case kInt:
			fmt.Fprintf(b, "%s = %s(o_.C.R.Args[%d])\n", v.name, v.typ, args)
			args++
		case kStruct:
			fmt.Fprintf(b, "%s = (*proto.%s)(unsafe.Pointer(&o_.C.R.Data))\n", v.name, v.typ)
		case kHandle:
			fmt.Fprintf(b, "%s = o_.C.R.Handles[%d]\n", v.name, grants)
			grants++
		}
	}
	b.WriteString("return\n}\n\n")
}

func genServer(ifaces []iface) []byte {
	var b bytes.Buffer
	b.WriteString(header + "package server\n\nimport (\n\"unsafe\"\n\n\"go42/ipc\"\n\"go42/ipc/proto\"\n)\n\n")
	for _, i := range ifaces {
		fmt.Fprintf(&b, "// %s is what an object that is a proto.%s implements.\ntype %s interface {\n", i.name, i.name, i.name)
		for _, m := range i.methods {
			var ps, rs []string
			for _, v := range m.params {
				ps = append(ps, v.name+" "+serverType(v))
			}
			for _, v := range m.results {
				rs = append(rs, v.name+" "+serverType(v))
			}
			fmt.Fprintf(&b, "%s(%s) (%s)\n", m.name, strings.Join(append([]string{"c *ipc.Call"}, ps...), ", "), strings.Join(rs, ", "))
		}
		fmt.Fprintf(&b, "}\n\n// Serve%s dispatches c to o; false: no method of proto.%s.\nfunc Serve%s(o %s, c *ipc.Call) bool {\nswitch c.Method {\n", i.name, i.name, i.name, i.name)
		for _, m := range i.methods {
			serverMethod(&b, i, m)
		}
		b.WriteString("default:\nreturn false\n}\nreturn true\n}\n\n")
	}
	return b.Bytes()
}

func serverType(v value) string {
	switch v.kind {
	case kStruct:
		return "*proto." + v.typ
	case kIn, kOut:
		return "ipc." + v.typ
	case kGive:
		return "ipc.Given"
	case kHandle:
		return "ipc.Grant"
	case kStatus:
		return "int64"
	}
	return v.typ
}

func serverMethod(b *bytes.Buffer, i iface, m method) {
	fmt.Fprintf(b, "case proto.%s%s:\n", i.name, m.name)
	ranges := count(m.params, kIn, kOut)
	args, rng, grants, strs := 0, 0, 0, 0
	var call []string
	for _, v := range m.params {
		switch v.kind {
		case kInt:
			call = append(call, fmt.Sprintf("%s(c.Args[%d])", v.typ, args))
			args++
		case kStruct:
			fmt.Fprintf(b, "if !c.StructArg(unsafe.Sizeof(proto.%s{})) {\nreturn true\n}\n", v.typ)
			call = append(call, fmt.Sprintf("(*proto.%s)(unsafe.Pointer(&c.Data))", v.typ))
		case kIn:
			call = append(call, fmt.Sprintf("c.In(%d)", rng))
			rng++
		case kOut:
			call = append(call, fmt.Sprintf("c.Out(%d)", rng))
			rng++
		case kGive:
			call = append(call, fmt.Sprintf("c.Given(%d)", grants))
			grants++
		case kString:
			call = append(call, fmt.Sprintf("s%d", strs))
			strs++
		}
	}
	if strs > 0 {
		start := "0"
		for _, v := range m.params {
			if v.kind == kStruct {
				start = "unsafe.Sizeof(proto." + v.typ + "{})"
			}
		}
		fmt.Fprintf(b, "c.StringsAt(%s, %d)\n", start, ranges)
		for k := 0; k < strs; k++ {
			fmt.Fprintf(b, "s%d, ok := c.StringArg()\nif !ok {\nreturn true\n}\n", k)
		}
	}
	var outs []string
	for k := range m.results {
		outs = append(outs, fmt.Sprintf("r%d", k))
	}
	fmt.Fprintf(b, "%s := o.%s(%s)\n", strings.Join(outs, ", "), m.name, strings.Join(append([]string{"c"}, call...), ", "))
	args, grants = 0, 0
	for k, v := range m.results {
		switch v.kind {
		case kInt:
			fmt.Fprintf(b, "c.Reply.Args[%d] = uint64(r%d)\n", args, k)
			args++
		case kStruct:
			fmt.Fprintf(b, "if r%d != nil {\n*(*proto.%s)(unsafe.Pointer(&c.Reply.Data)) = *r%d\nc.Reply.Len = uint32(unsafe.Sizeof(*r%d))\n}\n", k, v.typ, k, k)
		case kHandle:
			fmt.Fprintf(b, "c.Grant(%d, r%d)\n", grants, k)
			grants++
		case kStatus:
			fmt.Fprintf(b, "c.Status = r%d\n", k)
		}
	}
}

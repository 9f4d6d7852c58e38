package qemu

import (
	"archive/tar"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// LinuxKernel returns the path of Debian's cloud kernel, which apt downloads
// once without installing it.
func (p *Project) LinuxKernel() (string, error) {
	out := filepath.Join(p.Build, "linux", "vmlinuz")
	err := p.make(out, nil, func(tmp string) error {
		dir := filepath.Join(p.Build, "linux")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		p.say("downloading Debian's cloud kernel (once)")
		pkg, err := cloudPackage()
		if err != nil {
			return err
		}
		old, _ := filepath.Glob(filepath.Join(dir, "*.deb"))
		for _, f := range old {
			os.Remove(f)
		}
		if err := command(dir, nil, "apt-get", "-q", "download", pkg); err != nil {
			return err
		}
		debs, err := filepath.Glob(filepath.Join(dir, "*.deb"))
		if err != nil || len(debs) != 1 {
			return fmt.Errorf("apt-get download %s left %d packages in %s", pkg, len(debs), dir)
		}
		defer os.Remove(debs[0])
		return extractKernel(debs[0], tmp)
	})
	return out, err
}

// cloudPackage resolves the meta package to the package with the kernel.
func cloudPackage() (string, error) {
	b, err := exec.Command("apt-cache", "depends", "--no-recommends", "linux-image-cloud-amd64").Output()
	if err != nil {
		return "", fmt.Errorf("apt-cache depends linux-image-cloud-amd64: %w (apt-get update needed?)", err)
	}
	for _, l := range strings.Split(string(b), "\n") {
		name, ok := strings.CutPrefix(strings.TrimSpace(l), "Depends: ")
		if ok && strings.HasPrefix(name, "linux-image-") {
			return name, nil
		}
	}
	return "", fmt.Errorf("linux-image-cloud-amd64 names no kernel package: run apt-get update")
}

// extractKernel writes boot/vmlinuz-* of a Debian package to out.
func extractKernel(deb, out string) error {
	c := exec.Command("dpkg-deb", "--fsys-tarfile", deb)
	pipe, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	defer c.Wait()
	defer c.Process.Kill() // there is much more in the package than the kernel
	for r := tar.NewReader(pipe); ; {
		h, err := r.Next()
		if err != nil {
			return fmt.Errorf("%s: no kernel found: %w", deb, err)
		}
		if !strings.HasPrefix(strings.TrimPrefix(h.Name, "./"), "boot/vmlinuz-") {
			continue
		}
		f, err := os.Create(out)
		if err != nil {
			return err
		}
		if _, err := io.Copy(f, r); err != nil {
			f.Close()
			return err
		}
		return f.Close()
	}
}

// LinuxInit returns the path of the init that Linux gets.
func (p *Project) LinuxInit() (string, error) {
	out := filepath.Join(p.Build, "linux", "init")
	err := p.make(out, []string{"qemu/linuxinit", "qemu/runspec", "go.mod"}, func(tmp string) error {
		return p.goBuild(tmp, "./qemu/linuxinit")
	})
	return out, err
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

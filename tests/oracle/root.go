package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const project = "/project"

// Request is a project, and how Compose is called on it. The paths in Files, Raw (base64) and Links
// (which map to targets) are relative to /project unless they are absolute. With nil Profiles,
// COMPOSE_PROFILES decides.
type Request struct {
	Files            map[string]string `json:"files"`
	Raw              map[string][]byte `json:"raw"`
	Links            map[string]string `json:"links"`
	ComposeFiles     []string          `json:"compose_files"`
	EnvFiles         []string          `json:"env_files"`
	Env              map[string]string `json:"env"`
	Profiles         []string          `json:"profiles"`
	ProjectName      string            `json:"project_name"`
	ProjectDirectory string            `json:"project_directory"`
	Cwd              string            `json:"cwd"`
	Stdin            *string           `json:"stdin"`
}

// Root is the folder that is used as /. For the root user the process changes its root to it. For
// other users its path is a prefix that is removed from answers, so that only paths that leave
// /project/.. show the difference.
type Root struct{ prefix string }

func enter(folder string) (Root, error) {
	if folder == "" {
		return Root{}, errors.New("-root is missing")
	}
	absolute, err := filepath.Abs(folder)
	if err != nil {
		return Root{}, err
	}
	if os.Geteuid() == 0 && syscall.Chroot(absolute) == nil {
		absolute = ""
	}
	return Root{prefix: absolute}, nil
}

func (r Root) at(path string) string {
	return r.prefix + filepath.Join("/", path)
}

func (r Root) below(path string) string {
	if strings.HasPrefix(path, "/") {
		return r.at(path)
	}
	return r.at(filepath.Join(project, path))
}

func (r Root) hidden(content []byte) []byte {
	if r.prefix == "" {
		return content
	}
	return bytes.ReplaceAll(content, []byte(r.prefix), nil)
}

// prepare writes the files of the request and sets the environment, folder and standard input.
func (r Root) prepare(request Request) error {
	if err := r.clear(); err != nil {
		return err
	}
	if err := r.write(request); err != nil {
		return err
	}
	os.Clearenv()
	for name, value := range request.Env {
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf("environment %q: %w", name, err)
		}
	}
	if err := r.standardInput(request.Stdin); err != nil {
		return err
	}
	folder := r.below(request.Cwd)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	return os.Chdir(folder)
}

func (r Root) clear() error {
	entries, err := os.ReadDir(r.at("/"))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := os.RemoveAll(r.at(entry.Name())); err != nil {
			return err
		}
	}
	return os.MkdirAll(r.at(project), 0o755)
}

func (r Root) write(request Request) error {
	for path, text := range request.Files {
		if err := writeFile(r.below(path), []byte(text)); err != nil {
			return err
		}
	}
	for path, content := range request.Raw {
		if err := writeFile(r.below(path), content); err != nil {
			return err
		}
	}
	for path, target := range request.Links {
		if err := os.MkdirAll(filepath.Dir(r.below(path)), 0o755); err != nil {
			return err
		}
		if err := os.Symlink(target, r.below(path)); err != nil {
			return err
		}
	}
	return nil
}

func (r Root) standardInput(text *string) error {
	if text == nil {
		return nil
	}
	path := r.at("/stdin")
	if err := writeFile(path, []byte(*text)); err != nil {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	os.Stdin = file
	return os.Remove(path)
}

func writeFile(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644)
}

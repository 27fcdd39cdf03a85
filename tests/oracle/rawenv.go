package main

import (
	"fmt"
	"io"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/docker/cli/pkg/kvfile"

	"github.com/compose-spec/compose-go/v2/utils"
)

// Compose reads an env_file of the format `raw` with the reader of docker for key=value lines.
func init() { dotenv.RegisterFormat("raw", rawEnv) }

func rawEnv(
	reader io.Reader, name string, values map[string]string, lookup func(string) (string, bool),
) error {
	lines, err := kvfile.ParseFromReader(reader, lookup)
	if err != nil {
		return fmt.Errorf("failed to parse env_file %s: %w", name, err)
	}
	for key, value := range utils.GetAsEqualsMap(lines) {
		values[key] = value
	}
	return nil
}

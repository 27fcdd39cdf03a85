package main

import (
	"fmt"
	"io"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/docker/cli/pkg/kvfile"

	"github.com/compose-spec/compose-go/v2/utils"
)

// Compose registers the format `raw` of an env_file: docker's own reader of key=value lines.
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

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/paths"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/compose-spec/compose-go/v2/utils"
)

// config loads the request's project and returns it as the JSON that Compose prints.
func config(request Request) ([]byte, error) {
	loaded, err := load(request)
	if err != nil {
		return nil, err
	}
	content, err := loaded.MarshalJSON()
	if err != nil {
		return nil, err
	}
	return bytes.ReplaceAll(content, []byte("$"), []byte("$$")), nil
}

func load(request Request) (*types.Project, error) {
	envFiles, err := envFiles(request)
	if err != nil {
		return nil, err
	}
	if err := composeVariables(request, envFiles); err != nil {
		return nil, err
	}
	options, err := projectOptions(request, envFiles)
	if err != nil {
		return nil, err
	}
	loaded, err := options.LoadProject(context.Background())
	if err != nil {
		return nil, err
	}
	if loaded.Name == "" {
		return nil, errors.New("project name can't be empty")
	}
	if loaded, err = loaded.WithServicesEnabled(); err != nil {
		return nil, err
	}
	if loaded, err = loaded.WithSelectedServices(nil); err != nil {
		return nil, err
	}
	loaded = loaded.WithoutUnnecessaryResources()
	if loaded, err = loaded.WithServicesEnvironmentResolved(true); err != nil {
		return nil, err
	}
	return loaded, loaded.CheckContainerNameUnicity()
}

// envFiles returns the files of --env-file or of COMPOSE_ENV_FILES, absolute.
func envFiles(request Request) ([]string, error) {
	files := request.EnvFiles
	if len(files) == 0 {
		comma := func(c rune) bool { return c == ',' }
		files = strings.FieldsFunc(os.Getenv("COMPOSE_ENV_FILES"), comma)
	}
	absolute := make([]string, 0, len(files))
	for _, file := range files {
		path, err := filepath.Abs(paths.ExpandUser(file))
		if err != nil {
			return nil, err
		}
		absolute = append(absolute, path)
	}
	return absolute, nil
}

// composeVariables sets each COMPOSE_ variable of the env files in the environment of the process.
func composeVariables(request Request, envFiles []string) error {
	for _, path := range request.ComposeFiles {
		if (remote{}).Accept(path) {
			return nil
		}
	}
	options, err := cli.NewProjectOptions(request.ComposeFiles,
		cli.WithWorkingDirectory(request.ProjectDirectory),
		cli.WithOsEnv,
		cli.WithEnvFiles(envFiles...),
		cli.WithDotEnv,
	)
	if err != nil {
		return err
	}
	current := utils.GetAsEqualsMap(os.Environ())
	values, err := dotenv.GetEnvFromFile(current, options.EnvFiles)
	if err != nil {
		return err
	}
	for name, value := range values {
		if _, found := os.LookupEnv(name); !found && strings.HasPrefix(name, "COMPOSE_") {
			if err := os.Setenv(name, value); err != nil {
				return err
			}
		}
	}
	return nil
}

func projectOptions(request Request, envFiles []string) (*cli.ProjectOptions, error) {
	steps := []cli.ProjectOptionsFn{
		cli.WithInterpolation(true),
		cli.WithResolvedPaths(true),
		cli.WithNormalization(true),
		cli.WithConsistency(true),
		cli.WithDefaultProfiles(request.Profiles...),
		cli.WithDiscardEnvFile,
		cli.WithWorkingDirectory(request.ProjectDirectory),
		cli.WithOsEnv,
	}
	if _, found := os.LookupEnv("PWD"); !found {
		if folder, err := os.Getwd(); err == nil {
			steps = append(steps, cli.WithEnv([]string{"PWD=" + folder}))
		}
	}
	steps = append(steps,
		cli.WithResourceLoader(remote{}),
		cli.WithEnvFiles(envFiles...),
		cli.WithDotEnv,
		cli.WithConfigFileEnv,
		cli.WithDefaultConfigPath,
		cli.WithEnvFiles(envFiles...),
		cli.WithDotEnv,
		cli.WithDefaultProfiles(request.Profiles...),
		cli.WithName(request.ProjectName),
	)
	return cli.NewProjectOptions(request.ComposeFiles, steps...)
}

// remote recognises the resources that Compose would fetch, and refuses them.
type remote struct{}

var _ loader.ResourceLoader = remote{}

var remotePattern = regexp.MustCompile(
	`^(oci://|git://|ssh://|github\.com/|[\w.-]+@[\w.-]+:|https?://.+\.git(#.*)?$)`)

func (remote) Accept(path string) bool { return remotePattern.MatchString(path) }

func (remote) Load(_ context.Context, path string) (string, error) {
	variable := "COMPOSE_EXPERIMENTAL_GIT_REMOTE"
	if strings.HasPrefix(path, "oci://") {
		variable = "COMPOSE_EXPERIMENTAL_OCI_REMOTE"
	}
	if enabled, err := strconv.ParseBool(os.Getenv(variable)); err == nil && !enabled {
		return "", fmt.Errorf("remote resource is disabled by %q", variable)
	}
	return "", fmt.Errorf("remote resource %q is not fetched", path)
}

func (remote) Dir(path string) string { return path }

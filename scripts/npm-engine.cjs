// Loaded into npm (NODE_OPTIONS=--require) while it installs. npm leaves out optional packages - the prebuilt programs of our
// tools are such - whose `engines` exclude the Node that npm itself runs on. Ours run on the project's Node: tell it that one.

const projectVersion = `v${require('../package.json').dependencies.node}`;
Object.defineProperty(process, 'version', { value: projectVersion });

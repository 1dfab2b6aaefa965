// Makes the keys and signatures of OpenPGP version 6 here, which Debian's tools do not know yet.
//
// Needs Node.js and OpenPGP.js 6: npm install openpgp@6 && node make.mjs
import { writeFileSync } from 'node:fs';
import * as openpgp from 'openpgp';

const config = {
	v6Keys: true,
	nonDeterministicSignaturesViaNotation: false,
	preferredHashAlgorithm: openpgp.enums.hash.sha512,
};
const content = new TextEncoder().encode('pilotlight\n');
const date = new Date('2026-01-01T00:00:00Z');

for (const [name, options] of [
	['ed25519', { type: 'curve25519' }],
	['p256', { type: 'ecc', curve: 'nistP256' }],
	['rsa', { type: 'rsa', rsaBits: 2048 }],
	['subkey', { type: 'curve25519', subkeys: [{ sign: true }] }],
]) {
	const { privateKey } = await openpgp.generateKey({
		...options,
		userIDs: [{ name }],
		date,
		format: 'object',
		config,
	});
	writeFileSync(`${name}.key`, privateKey.toPublic().write());
	const signature = await openpgp.sign({
		message: await openpgp.createMessage({ binary: content }),
		signingKeys: privateKey,
		detached: true,
		format: 'binary',
		date,
		config,
	});
	writeFileSync(`${name}.sig`, signature);
}
